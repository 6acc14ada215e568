"""What every room shares and that knows no room: diagnostics, errors, time, ids, signing, settings."""
