"""One day of a small business, played for real on this machine."""

from regulars.demo.business import DAY, write_files
from regulars.demo.day import Helpers, morning, play, put_in_force
from regulars.demo.reasons import Reasons

__all__ = ["DAY", "Helpers", "Reasons", "morning", "play", "put_in_force", "write_files"]
