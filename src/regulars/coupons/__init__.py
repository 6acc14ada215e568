"""Coupons from stock to till: stock, assignment of codes, and redemption."""
