# Where images are kept: volumes that can be written.
