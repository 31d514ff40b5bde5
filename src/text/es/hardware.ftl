# Controladoras que pueden esconder discos.
hardware-class-scsi = controladora SCSI
hardware-class-ide = controladora IDE
hardware-class-raid = controladora RAID
hardware-class-sata = controladora SATA
hardware-class-sas = controladora SAS
hardware-class-nvme = disco NVMe
hardware-class-storage = controladora de almacenamiento
hardware-class-sd = lector de tarjetas SD
hardware-class-usb = controladora USB
hardware-no-driver = Aquí no hay controlador para este dispositivo: { $name }, en { $address } ({ $ids }). Los discos conectados a él no se ven. Puede ayudar otro ajuste del firmware o una versión más nueva de este programa.
hardware-intel-raid = El firmware esconde discos tras el modo RAID Intel RST ({ $ids }). En la configuración del firmware, cambie el modo SATA o de almacenamiento a AHCI; vuelva a dejarlo como estaba antes de arrancar el sistema instalado.
hardware-intel-vmd = El firmware esconde discos NVMe tras Intel VMD ({ $ids }). En la configuración del firmware, desactive VMD; vuelva a activarlo antes de arrancar el sistema instalado.
hardware-amd-raid = El firmware esconde discos tras el modo RAID de AMD ({ $ids }). En la configuración del firmware, cambie el modo SATA y NVMe a AHCI o NVMe; vuelva a dejarlo como estaba antes de arrancar el sistema instalado. Si los discos forman un RAID, el cambio puede perderlo: en ese caso no lo toque.
hardware-remapped-nvme = { $count ->
    [one] El firmware esconde { $count } disco NVMe
   *[other] El firmware esconde { $count } discos NVMe
} dentro de una controladora SATA (modo Intel RST). En la configuración del firmware, cambie el modo SATA o de almacenamiento a AHCI; vuelva a dejarlo como estaba antes de arrancar el sistema instalado.

# Encontrar el disco que nombra una persona o una tarea.
hardware-selector-empty = El nombre del disco está vacío
hardware-selector-pattern = { $pattern } no es un patrón válido
hardware-selector-none = Aquí ningún disco coincide con { $selector }
hardware-selector-several = { $selector } coincide con { $count } discos, y debe coincidir con uno solo
hardware-selector-file-and-disk = { $name } es el nombre de un disco y también de un archivo de esta carpeta
hardware-selector-file-or-disk = Escriba /dev/{ $name } para el disco, ./{ $name } para el archivo.
hardware-selector-missing = { $path } no existe
hardware-selector-no-partition = { $disk } no tiene aquí la partición { $number }
hardware-selector-not-a-disk = { $path } no es un dispositivo de bloques ni un archivo normal
hardware-selector-unreadable = No se puede examinar { $path }
hardware-disks-choose = Nombre uno solo de ellos, por su número de serie (serial:…), por su nombre en /dev/disk/by-id o, si hasta estos son iguales, por el lugar donde está conectado (/dev/disk/by-path):
    { $disks }
hardware-disks-here = Los discos que hay aquí son:
    { $disks }
hardware-disks-none = No se ve ningún disco. Revise los cables y la configuración del firmware (los modos RAID o VMD esconden discos).

# Lo que impide usar un dispositivo.
hardware-usage-unknown = No se puede averiguar qué está usando { $path }
hardware-use-mounted = { $device } está montado en { $where }
hardware-use-mounted-read-only = { $device } está montado solo para lectura en { $where }
hardware-use-swap = { $device } está en uso como espacio de intercambio (swap)
hardware-use-holder = { $device } forma parte de { $name }
hardware-use-loop = { $device } está conectado como { $name }

boot-entries-unreadable = No se pueden leer las entradas de arranque del firmware
boot-entries-unwritable = El firmware no acepta una entrada de arranque: su memoria puede estar llena
