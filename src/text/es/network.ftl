# La red.

network-setting-wrong = «{ $word }» no es un ajuste de red
network-setting-advice = Escriba dhcp, o una dirección con la longitud del prefijo de su red, la puerta de enlace y un servidor de nombres, por ejemplo 192.168.1.20/24,192.168.1.1,192.168.1.1
network-kernel-refused = El núcleo no pudo configurar la interfaz de red
network-dhcp-failed = No se pudo pedir una dirección (DHCP)
network-log-failed = Interfaz de red { $name }: { $why }
network-log-ready = Interfaz de red { $name }: dirección { $address }, puerta de enlace { $gateway }
network-log-no-answer = Interfaz de red { $name }: nadie responde (DHCP); se vuelve a intentar
network-log-unwritten = No se pudo escribir el estado de la red: { $why }
network-no-cable = { $name }: sin cable, o nada encendido en el otro extremo
network-asking = { $name }: se está pidiendo una dirección (DHCP)
network-no-answer = { $name }: hay cable, pero nadie da una dirección (sin respuesta a DHCP)
network-ready = { $name }: { $address }
network-failed = { $name }: { $why }
network-left-alone = { $name }: no se configura, porque calco.ip= no la menciona
network-no-interface = No se encontró ninguna interfaz de red
network-not-ready = La red no está lista: { $interfaces }
network-not-ready-advice = Compruebe que el cable esté conectado en los dos extremos. Donde DHCP no da direcciones, dé una a mano: en el menú, en La red, o con calco.ip=DIRECCIÓN/PREFIJO,PUERTA-DE-ENLACE,SERVIDOR-DE-NOMBRES. Algunas tarjetas de red necesitan firmware: está en la imagen construida con --firmware.
network-no-vlan = el núcleo no crea en ella ninguna red etiquetada (VLAN)
network-clock-failed = El servidor de hora no sirve
network-log-clock-behind = El reloj iba { $seconds } s atrasado y se puso en hora según { $server }
network-log-clock-ahead = El reloj iba { $seconds } s adelantado y se puso en hora según { $server }
network-log-no-time = { $server } no dice la hora: { $why }
