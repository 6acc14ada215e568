"""Messages to one mail server, each with a classified result; and the local inbox that stands in for one.

The inbox is imported from `regulars.delivery.inbox`: who only sends need not load it.
"""

from regulars.delivery.courier import Courier as Courier
from regulars.delivery.parcel import Outcome as Outcome
from regulars.delivery.parcel import Parcel as Parcel
from regulars.delivery.parcel import Result as Result
from regulars.delivery.provider import Provider as Provider
