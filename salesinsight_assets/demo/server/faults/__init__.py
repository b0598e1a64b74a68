"""What can go wrong at the server, on purpose: the one place in which a test or the demo breaks it.

`catalogue` names each fault; `blocks` holds what they are made of: answer instead, hang up, delay, change the answer, do
something before a call. `switchboard` switches them on and off, and `draw` draws a few for a long run.
"""

from salesinsight_assets.demo.server.faults.switchboard import ActiveFault, Fault, Faults

__all__ = ["ActiveFault", "Fault", "Faults"]
