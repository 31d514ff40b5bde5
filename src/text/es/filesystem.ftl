# Nombres de los volúmenes. Los nombres técnicos son iguales en todos los idiomas.
filesystem-kind = { $name }
filesystem-kind-ext-journal = diario de ext
filesystem-kind-linux-raid = miembro de RAID de Linux
filesystem-kind-firmware-raid = miembro de RAID del firmware
filesystem-kind-unknown = desconocido
filesystem-and = { $first } y { $next }

# Por qué no se conocen con certeza los bloques usados de un volumen.
filesystem-unknown = Aquí no se encontró nada que esta versión conozca
filesystem-unreadable = No se pudo examinar: { $why }
filesystem-ambiguous = Lleva a la vez las marcas de { $kinds }, y no se puede saber cuál es la verdadera
filesystem-no-reader = Esta versión no sabe distinguir los bloques usados de { $kind } de los libres
filesystem-encrypted = Su contenido está cifrado ({ $kind }): los bloques usados y los libres parecen iguales
filesystem-part-of-whole = Es parte de algo mayor ({ $kind }), y solo allí se sabe qué significan sus bloques

fat-past-end = El sistema de archivos FAT dice tener { $length } bytes, pero la partición solo tiene { $size }
fat-sector-size = El sistema de archivos FAT usa sectores de { $volume } bytes; los del disco son de { $disk } bytes
fat-version = El sistema de archivos FAT tiene la versión desconocida { $version }
fat-contradictory = El sector de arranque del sistema de archivos FAT se contradice
fat-backup-differs = El sector de arranque del sistema de archivos FAT y su copia describen disposiciones distintas
fat-too-short = En la tabla de asignación de archivos no caben todos los clústeres
fat-dirty = El sistema de archivos FAT no se cerró bien: se sacó un cable, falló la corriente o está en uso
fat-met-errors = El sistema de archivos FAT recuerda errores del disco
fat-copies-differ = Las copias de la tabla de asignación de archivos no son iguales
fat-media-differs = La tabla de asignación de archivos y el sector de arranque nombran medios distintos
fat-entry-outside = La entrada del clúster { $cluster } en la tabla de asignación de archivos apunta fuera del volumen
fat-root-missing = Según la tabla de asignación de archivos, el directorio raíz está libre
fat-free-count = El sistema de archivos FAT dice que hay { $said } clústeres libres, pero son { $counted }

swap-hibernated = Contiene un sistema hibernado, que despertará desde aquí en el próximo arranque
swap-version-0 = Es un área de intercambio de la antigua versión 0, que esta versión no conoce
swap-header = La cabecera del área de intercambio no tiene sentido
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
