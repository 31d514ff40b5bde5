# La red.

network-setting-wrong = «{ $word }» no es un ajuste de red
network-setting-advice = Escriba dhcp, o una dirección con la longitud del prefijo de su red, la puerta de enlace y un servidor de nombres, por ejemplo 192.168.1.20/24,192.168.1.1,192.168.1.1
