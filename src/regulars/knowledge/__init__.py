"""What histories teach: who still buys, what a client is worth, what is bought next. Pure numbers."""

from regulars.knowledge.bgnbd import BgNbd, Histories, TooFewClients
from regulars.knowledge.bgnbd import fit as fit_buying
from regulars.knowledge.gammagamma import GammaGamma, clv
from regulars.knowledge.gammagamma import fit as fit_spending
from regulars.knowledge.sequence import Bought, Link, Sequences
from regulars.knowledge.sequence import learn as learn_sequences

__all__ = [
    "BgNbd", "Histories", "TooFewClients", "fit_buying",
    "GammaGamma", "clv", "fit_spending",
    "Bought", "Link", "Sequences", "learn_sequences",
]  # fmt: skip
