# The live system: start, consoles, unattended runs, shutdown.
