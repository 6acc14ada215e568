"""What is known of a client: facts, traits, points, visits, and what was learned."""
