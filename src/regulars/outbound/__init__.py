"""What other programs are told: messages of the outbox, signed and posted to them."""
