"""What did the author write, and is it sound? Rule files become a rulebook, or diagnostics."""
