"""What brings data into the warehouse; see README.md."""

import gc

# Libraries and pages of JSON are many objects and hardly one of them in a circle; Python goes through all of
# them, again and again, to see whether there is one. For the rest of the process.
gc.set_threshold(max(gc.get_threshold()[0], 50_000))
