block-past-end = Un rango de { $length } bytes pasa del final del dispositivo, que tiene { $size } bytes
