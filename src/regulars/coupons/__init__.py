"""Coupons from stock to till: how many are left, who gets which code, and its redemption."""
