"""Messages to one mail server, each with a classified result; and the local inbox.

The inbox is imported from `regulars.delivery.inbox`: code that only sends need not load it.
"""
