//! Drives virtual machines the way a person does: keys in, screens out.
#![forbid(unsafe_code)]
