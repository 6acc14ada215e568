"""What people decided about emails and about their own data: consent, suppression, preferences, erasure, export."""
