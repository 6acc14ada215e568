"""What is sound, and will disappoint: links that lead nowhere, words nobody reads, conditions nobody meets."""
