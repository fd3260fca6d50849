"""What brings data into the warehouse; see README.md."""

import gc
import os

# Libraries and pages of JSON are many objects and hardly one of them in a circle; Python goes through all of
# them, again and again, to see whether there is one. For the rest of the process.
gc.set_threshold(max(gc.get_threshold()[0], 50_000))

# NumPy's threads look for work as fast as they can before they sleep, from its import on: a fifth of a second
# of CPU that most runs have no use for. For 2 to this power of cycles; read when NumPy is imported.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
