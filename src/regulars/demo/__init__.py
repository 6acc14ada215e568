"""One day of a small business, played for real on this machine."""

from regulars.demo.business import DAY, write_files
from regulars.demo.day import Helpers, Played, play

__all__ = ["DAY", "Helpers", "Played", "play", "write_files"]
