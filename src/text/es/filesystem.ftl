# Nombres de los volúmenes. Los nombres técnicos son iguales en todos los idiomas.
filesystem-kind = { $name }
filesystem-kind-ext-journal = diario de ext
filesystem-kind-xfs-log = diario de XFS
filesystem-kind-thin-pool = thin pool
filesystem-kind-thin-volume = volumen thin
filesystem-kind-linux-raid = miembro de RAID de Linux
filesystem-kind-firmware-raid = miembro de RAID del firmware
filesystem-kind-unknown = desconocido
filesystem-and = { $first } y { $next }

# Por qué no se conocen con certeza los bloques usados de un volumen.
filesystem-unknown = Aquí no se encontró nada que esta versión conozca
filesystem-unreadable = No se pudo examinar: { $why }
filesystem-ambiguous = Lleva a la vez las marcas de { $kinds }, y no se puede saber cuál es la verdadera
filesystem-hashed = Todos sus bloques tienen un hash (dm-verity), también los libres
filesystem-table-inside = También contiene una tabla de particiones, y no se puede saber cuál de las dos cosas es la verdadera
filesystem-partition-past-end = La partición pasa del final del disco
filesystem-no-reader = Esta versión no sabe distinguir los bloques usados de { $kind } de los libres
filesystem-unproven = Se lee { $kind }, pero el lector no se ha probado con suficientes volúmenes hechos por su propio sistema. Halla { $used } en uso; con --unproven solo se guarda eso
filesystem-unproven-inside = Su lector no se ha probado con suficientes volúmenes hechos por su propio sistema
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
fat-cluster-free = El clúster { $cluster } es de un archivo o carpeta, y según la tabla de asignación está libre
fat-directory-twice = La carpeta del clúster { $cluster } está en más de un sitio, o hay más carpetas de las que se pueden recorrer
fat-root-missing = Según la tabla de asignación de archivos, el directorio raíz está libre
fat-free-count = El sistema de archivos FAT dice que hay { $said } clústeres libres, pero son { $counted }

swap-hibernated = Contiene un sistema hibernado, que despertará desde aquí en el próximo arranque
swap-version-0 = Es un área de intercambio de la antigua versión 0, que esta versión no conoce
swap-header = La cabecera del área de intercambio no tiene sentido

packed-past-end = La imagen { $name } dice que tiene { $length } bytes, pero la partición solo tiene { $size }
packed-followed = Detrás de la imagen { $name } hay algo que puede formar parte de ella
packed-damaged = El superbloque de la imagen { $name } está dañado
packed-features = La imagen { $name } tiene características que esta versión no conoce ({ $features })
packed-devices = La imagen { $name } guarda sus datos en varios dispositivos
## ext2, ext3, ext4
ext-no-superblock = El superbloque del sistema de archivos ext falta o está dañado
ext-unreadable = No se puede leer una parte de las tablas internas del sistema de archivos, en el byte { $offset }: { $why }
ext-superblock-checksum = La suma de control del superbloque no coincide: el sistema de archivos está dañado
ext-impossible = El superbloque dice algo imposible: { $field } = { $value }
ext-feature-unknown = El sistema de archivos usa funciones que esta versión no conoce: { $names }
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
ext-fast-commits = El sistema de archivos no se cerró correctamente, y su diario continúa al principio y puede contener «fast commits»: las versiones de Linux no coinciden en el resultado
ext-journal-damaged = El diario del sistema de archivos está dañado
ext-journal-not-empty = El diario guarda cambios, aunque el sistema de archivos está marcado como limpio
ext-journal-features = El diario del sistema de archivos usa funciones que esta versión no conoce
ext-journal-checksum = Una suma de control del diario del sistema de archivos no coincide: el diario está dañado
ext-journal-too-large = El diario del sistema de archivos guarda más cambios de los que caben en la memoria

filesystem-state-hibernated = hibernado
filesystem-state-unclean = no se cerró bien

## NTFS
ntfs-past-end = El sistema de archivos NTFS dice tener { $length } bytes, pero la partición solo tiene { $size }
ntfs-boot-sector = El sector de arranque del sistema de archivos NTFS dice algo imposible
ntfs-backup-differs = El sector de arranque del sistema de archivos NTFS y su copia en el byte { $offset } describen volúmenes distintos
ntfs-record-damaged = El registro { $number } de la tabla maestra de archivos está dañado
ntfs-mirror-differs = El registro { $number } de la tabla maestra de archivos y su copia no son iguales
ntfs-own-file-encoded = El archivo { $number }, interno del sistema de archivos, está comprimido, cifrado o tiene huecos
ntfs-volume-information = El sistema de archivos NTFS no dice su versión
ntfs-version = El sistema de archivos NTFS tiene la versión desconocida { $version }
ntfs-flags = El sistema de archivos NTFS lleva marcas que esta versión no conoce ({ $flags })
ntfs-bitmap-short = El mapa de bits del sistema de archivos NTFS habla de { $bits } clústeres, pero hay { $clusters }
ntfs-cluster-free = El archivo { $number } tiene datos en clústeres que el mapa de bits da por libres: el sistema de archivos está dañado
ntfs-dirty = El sistema de archivos NTFS no se cerró bien: se sacó un cable, falló la corriente, Windows se colgó o está en uso
ntfs-log-not-clean = El sistema de archivos NTFS no se cerró bien: su diario guarda cambios que quizá aún no están en su sitio
ntfs-log-unknown = El diario del sistema de archivos NTFS está dañado o es de una clase que esta versión no conoce: puede guardar cambios que aún no están en su sitio
ntfs-log-version = El diario del sistema de archivos NTFS tiene la versión desconocida { $version }
ntfs-kept-in-memory = Windows no soltó este volumen: se apagó con el inicio rápido o quedó hibernado, o se sacó la unidad, y puede haber cambios que aún no están en su sitio. Para guardar solo lo que está en uso, inicie Windows, mantenga pulsada la tecla Mayús mientras elige «Apagar» y vuelva a guardar
ntfs-hibernated = Windows quedó hibernado o usa el inicio rápido: guarda parte del sistema de archivos en la memoria que dejó aquí, y continuará desde ahí en el próximo arranque. Para guardar solo lo que está en uso, inicie Windows, mantenga pulsada la tecla Mayús mientras elige «Apagar» y vuelva a guardar
ntfs-perhaps-hibernated = Puede que Windows esté hibernado: no se conoce lo que hay al principio de su archivo hiberfil.sys

## exFAT
exfat-past-end = El sistema de archivos exFAT dice tener { $length } bytes, pero la partición solo tiene { $size }
exfat-boot-region = El sector de arranque del sistema de archivos exFAT dice algo imposible: { $field } = { $value }
exfat-boot-checksum = La suma de control de la región de arranque no coincide: el sistema de archivos exFAT está dañado
exfat-backup-differs = La región de arranque del sistema de archivos exFAT y su copia describen volúmenes distintos
exfat-version = El sistema de archivos exFAT tiene la versión desconocida { $version }
exfat-flags = El sistema de archivos exFAT lleva marcas que esta versión no conoce ({ $flags })
exfat-two-tables = El sistema de archivos exFAT lleva dos tablas de asignación (TexFAT), cosa que esta versión no conoce
exfat-dirty = El sistema de archivos exFAT no se cerró bien: se sacó un cable, falló la corriente o está en uso
exfat-media-failure = El sistema de archivos exFAT recuerda errores del disco
exfat-chain = La cadena de clústeres que empieza en el clúster { $cluster } está dañada
exfat-directory = El directorio del clúster { $cluster } está dañado
exfat-directories = El sistema de archivos exFAT tiene más directorios de los que se pueden comprobar
exfat-entry-unknown = El directorio del clúster { $cluster } tiene entradas de una clase que esta versión no conoce ({ $kind })
exfat-bitmap-missing = El directorio raíz no dice dónde está el mapa de bits de los clústeres
exfat-bitmap-length = El mapa de bits de los clústeres tiene { $length } bytes, pero hay { $clusters } clústeres
exfat-upcase = La tabla de mayúsculas falta o está dañada
exfat-cluster-free = El clúster { $cluster } contiene datos, pero el mapa de bits lo da por libre: el sistema de archivos está dañado
## XFS
xfs-no-superblock = El superbloque del sistema de archivos XFS falta o está dañado
xfs-unreadable = No se puede leer una parte de las tablas internas del sistema de archivos, en el byte { $offset }: { $why }
xfs-impossible = El superbloque dice algo imposible: { $field } = { $value }
xfs-feature-unknown = El sistema de archivos usa funciones que esta versión no conoce: { $names }
xfs-in-progress = El sistema de archivos no llegó a terminarse: su creación se interrumpió
xfs-needs-repair = El sistema de archivos está marcado como necesitado de una reparación con xfs_repair
xfs-longer-than-volume = El sistema de archivos tiene { $length } bytes, pero su volumen solo tiene { $size }
xfs-too-many-groups = El sistema de archivos tiene { $groups } grupos de asignación, más de los que caben en la memoria
xfs-needs-recovery = El sistema de archivos no se cerró bien, o está en uso: su diario puede guardar cambios que aún no están en su sitio
xfs-log-elsewhere = El diario del sistema de archivos está en otro dispositivo, y no se puede saber si guarda cambios que aún no están en su sitio
xfs-log-damaged = El diario del sistema de archivos está dañado
xfs-backup-differs = El superbloque y su copia en el byte { $offset } describen sistemas de archivos distintos
xfs-checksum = La suma de control de { $what } del grupo de asignación { $group } no coincide: el sistema de archivos está dañado
xfs-header = La cabecera { $what } del grupo de asignación { $group } no tiene sentido: el sistema de archivos está dañado
xfs-tree = La lista de espacio libre del grupo de asignación { $group } no tiene sentido en el bloque { $block }: el sistema de archivos está dañado
xfs-metadata-free = La lista de espacio libre del grupo de asignación { $group } contiene algunas tablas internas del sistema de archivos, en el bloque { $block }
xfs-free-count-group = El grupo de asignación { $group } tiene { $counted } bloques libres en su lista, pero su cabecera dice { $stored }
xfs-free-count = El sistema de archivos tiene { $counted } bloques libres en sus grupos de asignación, pero su superbloque dice { $stored }
xfs-trees-differ = Las dos listas de espacio libre del grupo de asignación { $group } no son iguales: el sistema de archivos está dañado
xfs-real-time-device = El sistema de archivos XFS «{ $name }» guarda el contenido de algunos archivos en un segundo dispositivo, de tiempo real. Guarde y restaure también ese dispositivo

## btrfs
btrfs-no-superblock = El superbloque del sistema de archivos btrfs falta o está dañado
btrfs-unreadable = No se puede leer una parte de las tablas internas del sistema de archivos, en el byte { $offset }: { $why }
btrfs-superblock-checksum = La suma de control del superbloque no coincide: el sistema de archivos está dañado
btrfs-impossible = El superbloque dice algo imposible: { $field } = { $value }
btrfs-feature-unknown = El sistema de archivos usa funciones que esta versión no conoce: { $names }
btrfs-state = El superbloque dice que el sistema de archivos no está en reposo: { $names }
btrfs-other-device = El superbloque dice que este dispositivo pertenece a otro sistema de archivos
btrfs-replacement = Se estaba reemplazando un dispositivo, y este es el nuevo, que no está completo
btrfs-longer-than-volume = El sistema de archivos tiene { $length } bytes en este dispositivo, pero su volumen solo tiene { $size }
btrfs-copy-newer = La copia del superbloque en el byte { $offset } es más reciente que el superbloque
btrfs-devices-differ = Los dispositivos del sistema de archivos no son del mismo momento: al menos uno de ellos faltaba mientras los otros cambiaban
btrfs-device-twice = Dos de los volúmenes dicen ser el mismo dispositivo del sistema de archivos
btrfs-device-missing = Hace falta otro dispositivo del sistema de archivos para leer sus tablas
btrfs-device-item = El sistema de archivos y el superbloque del dispositivo { $device } lo describen de formas distintas
btrfs-device-count = El sistema de archivos tiene { $counted } bytes asignados en este dispositivo, pero su superbloque dice { $stored }
btrfs-device-extent = Las listas de espacio asignado no coinciden en el byte { $offset } de este dispositivo: el sistema de archivos está dañado
btrfs-chunk = El trozo de la dirección { $logical } no tiene sentido: el sistema de archivos está dañado
btrfs-too-many-chunks = El sistema de archivos está en demasiados trozos para la memoria que hay
btrfs-checksum = La suma de control del bloque de árbol de la dirección { $logical } no coincide: el sistema de archivos está dañado
btrfs-block = El bloque de árbol de la dirección { $logical } no tiene sentido: el sistema de archivos está dañado
btrfs-too-many-blocks = Los árboles del sistema de archivos tienen más bloques de los que caben en él: está dañado
btrfs-tree-missing = Falta el árbol número { $tree }: el sistema de archivos está dañado
btrfs-extent = La extensión de la dirección { $logical } no tiene sentido: el sistema de archivos está dañado
btrfs-group-count = El grupo de bloques de la dirección { $logical } tiene { $counted } bytes usados, pero su descripción dice { $stored }
btrfs-used-count = El sistema de archivos tiene { $counted } bytes usados, pero su superbloque dice { $stored }
btrfs-devices-missing = El sistema de archivos btrfs «{ $name }» tiene { $all } dispositivos, y de ellos aquí solo hay { $there }. Guárdelos todos juntos y restáurelos todos juntos

# Capas entre el disco y el sistema de archivos.
filesystem-volume-group = Grupo de volúmenes LVM «{ $name }» { $count ->
    [0] sin volúmenes
    [one] con 1 volumen: { $volumes }
   *[other] con { $count } volúmenes: { $volumes }
}
filesystem-array = Miembro de un RAID de Linux ({ $level }): { $content }
filesystem-whole-inside = { $name } entero: { $reason }
layer-inside = De su contenido ({ $kind }) no se conocen los bloques usados: { $why }

lvm-unreadable = No se puede leer la descripción del grupo de volúmenes LVM: { $why }
lvm-damaged = La descripción del grupo de volúmenes LVM, en el byte { $offset }, está dañada
lvm-version = Su formato LVM ({ $version }) es más nuevo que los que esta versión conoce
lvm-cut-off = Como parte de un grupo de volúmenes LVM dice tener { $length } bytes, pero solo hay { $size }
lvm-unfinished = Un cambio del grupo de volúmenes LVM quedó empezado y sin terminar
lvm-copies-differ = Las descripciones del grupo de volúmenes LVM en sus discos no coinciden
lvm-no-metadata = Pertenece a un grupo de volúmenes LVM cuya descripción está en otros discos. Elija todos sus discos juntos
lvm-missing = El grupo de volúmenes LVM «{ $group }» tiene { $all } volúmenes físicos, y de ellos aquí solo hay { $there }. Elija todos sus discos juntos
lvm-twice = El mismo volumen físico LVM está aquí dos veces, quizá como copia en otro disco
lvm-impossible = La descripción del grupo de volúmenes LVM dice algo imposible sobre «{ $name }»
lvm-overlap = Dos volúmenes del grupo LVM ocupan los mismos bloques
lvm-segment = Es del tipo LVM «{ $kind }», cuyo interior esta versión no examina
lvm-segment-on-disk = El volumen LVM «{ $name }» es del tipo «{ $kind }», cuyo interior esta versión no examina
lvm-part = Otros volúmenes del grupo LVM usan también sus bloques
lvm-thin-message = LVM tiene un cambio del thin pool empezado y sin terminar
lvm-thin-volume = Está en el thin pool «{ $pool }», cuyos bloques usados no se conocen: { $why }

thin-unreadable = No se pueden leer los metadatos del thin pool: { $why }
thin-damaged = El bloque { $block } de los metadatos del thin pool está dañado
thin-version = Los metadatos del thin pool son de la versión { $version }, que esta versión no conoce
thin-feature = El thin pool usa funciones que esta versión no conoce
thin-needs-check = El thin pool está marcado como pendiente de comprobación
thin-transaction = Los metadatos del thin pool son de la transacción { $stored }, pero LVM espera la { $expected }
thin-differs = LVM y los metadatos del thin pool lo describen de formas distintas
thin-size = El thin pool dice que uno de sus volúmenes tiene { $length } bytes, pero solo hay { $size }
thin-too-large = El thin pool tiene { $blocks } bloques, más de los que permite la memoria que hay
thin-allocated = El thin pool tiene { $counted } bloques en uso, pero sus metadatos dicen { $stored }
thin-mapped = El dispositivo { $device } del thin pool tiene { $counted } bloques, pero su descripción dice { $stored }
thin-free = El bloque { $block } del thin pool pertenece a un dispositivo y está libre a la vez: el thin pool está dañado
thin-references = El bloque { $block } de los metadatos del thin pool se usa { $counted } veces, pero los metadatos dicen { $stored }

md-unreadable = No se puede leer el superbloque del RAID: { $why }
md-damaged = El superbloque del RAID, en el byte { $offset }, está dañado
md-version = Su superbloque es de una clase de RAID de Linux que esta versión no lee
md-two-superblocks = Tiene dos superbloques de RAID de Linux, y no se puede saber cuál es el verdadero
md-reshape = El RAID está cambiando de forma
md-feature = El RAID usa funciones que esta versión no conoce: { $bits }
md-level = Es miembro de un RAID de Linux del nivel { $level }; esta versión examina el interior de RAID 1 y de los lineales
md-not-in-sync = El RAID no se detuvo limpiamente
md-spare = Este miembro de un RAID es de reserva, falló o se está reconstruyendo: no se sabe qué contiene
md-members-differ = Los miembros del RAID no cuentan lo mismo: alguno se perdió cambios
md-members-missing = El RAID lineal tiene { $all } miembros, y de ellos aquí solo hay { $there }. Elija todos sus discos juntos

f2fs-superblocks = Los dos superbloques no coinciden, o una de sus sumas de comprobación no es correcta
f2fs-features = El sistema de archivos usa características que esta versión no conoce: { $features }
f2fs-devices = El sistema de archivos tiene además otros dispositivos
f2fs-block-size = Los bloques o segmentos del sistema de archivos tienen un tamaño que esta versión no conoce
f2fs-impossible = El superbloque o el punto de control dice algo imposible: el sistema de archivos está dañado
f2fs-longer-than-volume = El sistema de archivos tiene { $length } bytes, pero su volumen solo tiene { $size }
f2fs-no-checkpoint = No hay ningún punto de control completo: el sistema de archivos está dañado
f2fs-needs-check = El sistema de archivos dice que hay que comprobarlo (fsck.f2fs)
f2fs-not-clean = El sistema de archivos no se desmontó, o está en uso
f2fs-journal = El diario de la tabla de segmentos no tiene sentido: el sistema de archivos está dañado
f2fs-segment = Lo que la tabla de segmentos dice del segmento { $number } se contradice: el sistema de archivos está dañado
f2fs-count = La tabla de segmentos y lo reservado para archivos suman { $counted } bloques, pero el punto de control dice { $stored }
f2fs-node = El nodo del bloque { $number } se contradice o contradice la tabla de segmentos: el sistema de archivos está dañado
f2fs-nodes = La tabla de segmentos tiene { $counted } nodos en uso, pero el punto de control dice { $stored }
f2fs-unnamed = La tabla de segmentos tiene en uso bloques del segmento { $number } que no pertenecen a ningún archivo: el sistema de archivos está dañado
f2fs-compressed = Hay más archivos comprimidos de los que esta versión puede recordar
udf-no-anchor = Falta el ancla que el sistema de archivos debe tener en ese lugar, así que está dañado
udf-damaged = Los descriptores del sistema de archivos están dañados o se contradicen
udf-partitions = El sistema de archivos está dispuesto como en los discos que se graban una vez o se regraban a su modo, así que no es seguro qué está libre
udf-open = El sistema de archivos no se cerró, o está en uso
udf-revision = El sistema de archivos lo escribió una revisión de UDF que esta versión no conoce: { $revision }
udf-no-count = El sistema de archivos no dice cuántos bloques tiene libres, así que su mapa de bits no se puede comprobar
udf-count = El mapa de bits tiene { $counted } bloques libres, pero se contaron { $stored } al cerrar el sistema de archivos
udf-longer-than-volume = El sistema de archivos tiene { $length } bytes, pero su volumen solo tiene { $size }
hfsplus-wrapper = El volumen HFS+ está dentro de un volumen HFS antiguo, como para sistemas anteriores a 1998
hfsplus-impossible = La cabecera del volumen dice algo imposible: el sistema de archivos está dañado
hfsplus-longer-than-volume = El sistema de archivos tiene { $length } bytes, pero su volumen solo tiene { $size }
hfsplus-no-alternate = No hay copia de la cabecera del volumen donde debe estar: el sistema de archivos está dañado o cortado
hfsplus-alternate-differs = La cabecera del volumen y su copia no coinciden
hfsplus-not-clean = El sistema de archivos HFS+ no se desmontó bien: se sacó un cable, falló la corriente o está en uso
hfsplus-inconsistent = La cabecera del volumen dice que hay que reparar el sistema de archivos
hfsplus-attributes = La cabecera del volumen tiene atributos que esta versión no conoce: { $bits }
hfsplus-journal-elsewhere = El diario del sistema de archivos está en otro dispositivo
hfsplus-journal-new = El diario del sistema de archivos aún no se ha creado: no se ha montado desde que se formateó
hfsplus-journal-damaged = El diario del sistema de archivos no tiene sentido o está en bloques libres
hfsplus-journal-full = El sistema de archivos HFS+ no se desmontó bien: su diario contiene cambios que aún no están en ningún otro sitio
hfsplus-fork = La descripción del archivo «{ $file }» se contradice: el sistema de archivos está dañado
hfsplus-fork-free = El archivo «{ $file }» está en bloques que el mapa de bits da por libres: el sistema de archivos está dañado
hfsplus-too-fragmented = Los archivos del sistema de archivos están en demasiados trozos para la memoria que hay
hfsplus-node = El nodo { $node } del archivo «{ $file }» no tiene sentido: el sistema de archivos está dañado
hfsplus-records = El archivo «{ $file }» tiene { $counted } registros, pero su cabecera dice { $stored }
hfsplus-free-count = El mapa de bits tiene { $counted } bloques libres, pero la cabecera del volumen dice { $stored }
hfsplus-file-free = El archivo número { $number } está en bloques que el mapa de bits da por libres: el sistema de archivos está dañado
hfsplus-file-blocks = El archivo número { $number } no tiene tantos bloques como dice: el sistema de archivos está dañado
hfsplus-files = El catálogo tiene { $counted } archivos y carpetas, pero la cabecera del volumen dice { $stored }
