"""What comes back from mail servers and mailbox providers: bounces, complaints, auto-replies."""
