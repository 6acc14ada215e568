"""How fast Regulars is, always as a ratio against a known program in the same run: machines differ, ratios less."""
