## ext2, ext3, ext4
ext-no-superblock = El superbloque del sistema de archivos ext falta o está dañado
ext-unreadable = No se puede leer una parte de las tablas internas del sistema de archivos, en el byte { $offset }: { $why }
ext-superblock-checksum = La suma de control del superbloque no coincide: el sistema de archivos está dañado
ext-impossible = El superbloque dice algo imposible: { $field } = { $value }
ext-feature-unknown = El sistema de archivos usa funciones que esta versión no conoce: { $names }
ext-needs-recovery = El sistema de archivos no se cerró bien: su diario guarda cambios que aún no están en su sitio
ext-needs-recovery-external = El sistema de archivos no se cerró bien, y su diario está en otro dispositivo
ext-has-errors = El sistema de archivos está marcado con errores
ext-not-clean = El sistema de archivos no se cerró bien, o está en uso
ext-orphans = El sistema de archivos aún tiene archivos borrados por limpiar
ext-longer-than-volume = El sistema de archivos tiene { $length } bytes, pero su volumen solo tiene { $size }
ext-backup-differs = El superbloque y su copia en el byte { $offset } describen tamaños distintos
ext-descriptor-checksum = La suma de control de la descripción del grupo de bloques { $group } no coincide: el sistema de archivos está dañado
ext-descriptor-location = La descripción del grupo de bloques { $group } apunta al bloque { $block }, donde no puede haber nada suyo
ext-descriptor-flags = La descripción del grupo de bloques { $group } tiene marcas que no pueden ser ciertas
ext-group-too-small = El grupo de bloques { $group } es demasiado pequeño para sus propias tablas
ext-metadata-overlap = Dos tablas internas del sistema de archivos ocupan el mismo bloque { $block }
ext-metadata-scattered = Las tablas internas del sistema de archivos están en demasiados trozos
ext-metadata-free = El mapa de bits del grupo de bloques { $group } marca como libres algunas tablas internas del sistema de archivos
ext-bitmap-checksum = La suma de control del mapa de bits del grupo de bloques { $group } no coincide: el sistema de archivos está dañado
ext-free-count-group = El grupo de bloques { $group } tiene { $counted } bloques libres en su mapa de bits, pero su descripción dice { $stored }
ext-free-count = El sistema de archivos tiene { $counted } bloques libres en sus mapas de bits, pero su superbloque dice { $stored }
ext-mmp-in-use = El sistema de archivos está marcado como en uso por una máquina («{ $machine }»)
ext-mmp-damaged = El bloque que impide montar el sistema de archivos dos veces está dañado
ext-journal-damaged = El diario del sistema de archivos está dañado
ext-journal-not-empty = El diario guarda cambios, aunque el sistema de archivos está marcado como limpio
