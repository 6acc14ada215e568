"""Messages to one mail server, each with a classified result; and the local inbox that stands in for one.

The inbox is imported from `regulars.delivery.inbox`: who only sends need not load it.
"""
