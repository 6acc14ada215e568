"""Why a client got, or did not get, an email."""
