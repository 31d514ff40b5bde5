# El sistema autónomo: arranque, consolas, ejecuciones desatendidas, apagado.

# Lo que dice la línea de órdenes del núcleo.
init-parameter-unknown = No se entiende { $word } en la línea de órdenes del núcleo; no cambia nada

# Arranque.
init-started = Calco { $version } arranca
init-table-failed = No se pudo hacer al arrancar: { $line }
init-no-control = El menú no puede pedir nada (apagado, distribución del teclado): { $why }
init-fault = El primer proceso de Calco ha fallado y ya no se puede abrir ningún menú. Un trabajo en marcha continúa: espere a que termine; después apague la máquina con su botón y vuelva a encenderla.
    Qué ha pasado: { $what }

# Dispositivos y sus controladores.
init-loaded = Se cargó { $modules } para { $alias }
init-load-failed = No se pudo iniciar el controlador { $file }: { $why }
init-devices-failed = Ya no se buscan dispositivos: { $why }
init-no-modules = No hay controladores para este núcleo: solo funciona lo que lleva incorporado
init-settled = { $count ->
    [one] Se encontraron todos los dispositivos; { $count } controlador cargado
   *[other] Se encontraron todos los dispositivos; { $count } controladores cargados
}
init-disk-came = Se ha conectado { $name }
init-disk-went = Se ha desconectado { $name }
init-no-efivars = No se pueden leer los ajustes del firmware: { $why }

# Consolas.
init-no-console = No se puede usar la consola { $name }: { $why }
init-no-font = No se pudo cargar el tipo de letra { $file }: { $why }
init-no-keymap = Aquí no hay ninguna distribución de teclado { $name }
init-no-language = Aquí no está el idioma { $code }
init-ended = { $name } terminó de forma inesperada: { $how }
init-ended-code = código de salida { $code }
init-ended-signal = señal { $signal }
init-ended-unknown = por un motivo desconocido
init-menu-ended = { $seconds ->
    [one] El menú terminó de forma inesperada ({ $how }). Vuelve a abrirse en { $seconds } segundo. Si llevaba a cabo un trabajo, este también se ha detenido.
   *[other] El menú terminó de forma inesperada ({ $how }). Vuelve a abrirse en { $seconds } segundos. Si llevaba a cabo un trabajo, este también se ha detenido.
}
init-rescue-enter = Consola de rescate. Pulse Intro para abrirla; Alt-F1 vuelve al menú.
init-rescue-started = Consola de rescate: lo que se escribe aquí se ejecuta al instante. «exit» la cierra, Alt-F1 vuelve al menú.

# Lo que pide el menú.
init-control-failed = El sistema autónomo no responde
init-control-not-understood = No se entiende la petición: { $why }

# El final.
init-shutdown = El sistema se está cerrando
init-job-runs = Hay un trabajo en marcha en { $console }: { $job }. Para interrumpirlo de todos modos, repítalo (Ctrl-Alt-Supr, el botón de encendido, reboot, poweroff) en menos de { $seconds } segundos.
init-job-cut = Esto se interrumpió: { $job }. Si se estaba guardando, no hay imagen. Si se estaba restaurando, nada del destino se puede usar: hay que restaurar otra vez.
init-ending-processes = Terminando lo que aún está en marcha…
init-processes-left = Algunos procesos no se pudieron terminar
init-writing = Escribiendo lo que queda en la memoria ({ $size })… No desconecte discos ni memorias USB.
init-writing-given-up = No se pudo escribir todo en su disco: ya no avanzaba
init-not-all-written = No se pudo escribir todo en su disco o memoria USB. Puede faltar allí lo último que se guardó: compruebe esa imagen antes de confiar en ella.
init-unmount-failed = { $path }: { $why }
init-unmount-forced = { $path } sigue en uso y se retira de todos modos
init-power-off = Todo está escrito. La máquina se apaga.
init-reboot = Todo está escrito. La máquina vuelve a arrancar.
init-switch-off-now = La máquina no se apaga sola: use ahora su botón. Todo lo que se podía escribir está escrito.

# Ejecuciones que nadie vigila.
init-run = Ejecución desatendida: calco { $command }
init-run-waits = Esperando a que aparezcan los discos, { $seconds } segundos como máximo…
init-run-missing = { $name } no apareció en { $seconds } segundos
init-run-not-understood = No se entiende el trabajo de la línea de órdenes del núcleo: { $command }
init-run-not-understood-advice = Escriba calco.run="…" con las palabras que siguen a «calco» en la línea de órdenes, por ejemplo calco.run="save id:ata-DISCO_SERIE --to usb:COPIAS".
init-run-quotes-advice = Solo ha llegado una palabra. Si se escribió más, faltan las comillas alrededor de todo: calco.run="{ $command } …".
init-run-not-started = No se pudo iniciar el trabajo
init-run-killed = El trabajo terminó de forma inesperada: { $how }
init-run-succeeded = La ejecución desatendida ha terminado sin errores.
init-run-failed = LA EJECUCIÓN DESATENDIDA HA FALLADO: { $why }. El registro tiene los detalles (/run/calco/log).
init-run-log-kept = El registro se guardó en { $path }.
init-run-log-not-kept = No se pudo escribir el registro en el destino
init-run-stays = Pulse Intro para ir al menú.
init-run-power-off = La máquina se apaga en { $seconds } segundos. Pulse Intro para quedarse e ir al menú.
init-run-reboot = La máquina vuelve a arrancar en { $seconds } segundos. Pulse Intro para quedarse e ir al menú.
init-code-failed = no se pudo hacer
init-code-usage = no se entiende la orden
init-code-damaged = la imagen está dañada
init-code-data-lost = algunos datos no se pudieron leer y faltan
init-code-refused = se rechazó porque se perdería algo
init-code-interrupted = se interrumpió
init-run-incomplete = LA EJECUCIÓN DESATENDIDA TERMINÓ, PERO NO ESTÁ TODO: { $why }. El registro tiene los detalles (/run/calco/log).
