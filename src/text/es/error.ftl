error-what = Error: { $what }
error-device = Dónde: { $device }
error-path = Archivo: { $path }
error-offset = En el byte: { $offset }
error-why = Motivo: { $why }
error-advice = Qué hacer: { $advice }
error-interrupted = Interrumpido. Ya no se escribe nada más.
error-two-advices = { $first } { $second }
