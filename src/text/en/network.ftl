# The network.

network-setting-wrong = “{ $word }” is no setting for the network
network-setting-advice = Write dhcp, or an address with the length of its network's prefix, the gateway and a name server, such as 192.168.1.20/24,192.168.1.1,192.168.1.1
network-kernel-refused = The kernel could not set up the network interface
network-dhcp-failed = No address could be asked for (DHCP)
network-log-failed = Network interface { $name }: { $why }
network-log-ready = Network interface { $name }: address { $address }, gateway { $gateway }
network-log-no-answer = Network interface { $name }: nobody answers (DHCP); it is tried again
network-log-unwritten = The state of the network could not be written: { $why }
network-no-cable = { $name }: no cable, or nothing that is on at its other end
network-asking = { $name }: an address is being asked for (DHCP)
network-no-answer = { $name }: there is a cable, but nobody gives an address (no answer to DHCP)
network-ready = { $name }: { $address }
network-failed = { $name }: { $why }
network-left-alone = { $name }: not set up, as calco.ip= says nothing about it
network-no-interface = No network interface was found
network-not-ready = The network is not ready: { $interfaces }
network-not-ready-advice = Look whether the cable is in, at both ends. Where no address is given by DHCP, give one by hand: in the menu under The network, or with calco.ip=ADDRESS/PREFIX,GATEWAY,NAME-SERVER. Some network cards need firmware: that is in the image built with --firmware.
network-no-vlan = the kernel makes no tagged network (VLAN) on it
network-clock-failed = The time server is of no use
network-log-clock-behind = The clock was { $seconds } s behind and was set by { $server }
network-log-clock-ahead = The clock was { $seconds } s ahead and was set by { $server }
network-log-no-time = { $server } does not tell the time: { $why }
