block-past-end = A range of { $length } bytes goes past the end of the device, which has { $size } bytes
