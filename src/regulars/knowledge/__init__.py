"""What histories teach: who still buys, what a client is worth, what is bought next. Pure numbers."""
