# The network.

network-setting-wrong = “{ $word }” is no setting for the network
network-setting-advice = Write dhcp, or an address with the length of its network's prefix, the gateway and a name server, such as 192.168.1.20/24,192.168.1.1,192.168.1.1
