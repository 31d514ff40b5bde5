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
