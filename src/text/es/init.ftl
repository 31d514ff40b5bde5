# El sistema autónomo: arranque, consolas, ejecuciones desatendidas, apagado.
