survey-found-in-gap = Los { $size } sin partición desde el byte { $offset } parecen contener { $kind }; se guardan enteros
survey-unproven = se pidió solo lo que está en uso, aunque su lector no se ha probado
survey-raw = se pidieron todos los bytes
name-unusable = "{ $name }" no puede ser el nombre de una imagen
name-unusable-advice = Use letras, cifras, espacios, puntos y guiones, como mucho { $length } bytes, empezando por letra o cifra.
library-in-progress = Otro proceso está escribiendo la imagen ahora
library-keeps-older = Ocupó el lugar de { $directory }, que se queda, y por eso también se queda
library-unreadable = No se puede leer: { $reason }
library-in-use = Otro proceso está leyendo o escribiendo la imagen ahora
library-in-use-advice = Espere a que termine y repita la orden.
library-has-dependent = No se puede borrar la imagen: { $dependent } depende de ella
library-has-dependent-advice = Borre antes las imágenes que dependen de ella.
library-ambiguous =
    "{ $name }" puede referirse a { $count } imágenes:
    { $list }
library-ambiguous-advice = Escriba lo que está a la derecha de la que quiere.
library-not-unfinished = Lo que quedaba de una copia incompleta es ahora una imagen; se conserva
library-is-link = Esto es solo un enlace: la imagen está en { $target }
library-is-link-advice = Para quitar solo el enlace, bórrelo con rm. Para borrar la imagen, hágalo en la carpeta donde está.
library-keeps-circle = Se conserva: dice haberla reemplazado una imagen a la que ella misma reemplaza
library-keeps-unreadable = Se conserva: a la imagen que la reemplazó, en { $directory }, le falta lo que no se pudo leer
library-keeps-unproven = Se conserva: la imagen que la reemplazó, en { $directory }, no está en buen estado: { $why }
library-keeps-unverified = Se queda: la imagen que la sustituyó, en { $directory }, no se ha releído nunca. `calco delete` la elimina
save-name-taken = Ya hay una imagen llamada { $name }
save-name-taken-advice = Elija otro nombre con --name, o reemplace esa imagen, cuando la nueva esté completa, con --replace.
    .menu = Vuelva atrás y elija otro nombre.
save-no-partition = El disco no tiene una partición { $number } que se pueda guardar
save-no-partition-advice = Tiene estas: { $list }
save-split-too-small = El tamaño de los trozos debe ser al menos { $least }
save-split-too-large = El destino no admite archivos de más de { $largest }
save-index-too-long = El destino no admite archivos mayores de { $largest }, y el índice de { $disk } puede necesitar { $needed }
save-index-too-long-advice = Elija un destino cuyo sistema de archivos admita archivos más grandes, o guarde menos particiones de una vez con --partitions.
    .menu = Elija un destino cuyo sistema de archivos admita archivos más grandes. En el modo experto se pueden guardar menos particiones de una vez.
save-no-room = No hay espacio suficiente: hacen falta unos { $needed } y hay { $free } libres
save-no-room-advice = Libere espacio, elija otro destino o comprima más con --level.
    .menu = Libere espacio o elija otro destino. En el modo experto se puede comprimir más.
save-little-room = Puede que el espacio no alcance: hacen falta unos { $needed } y hay { $free } libres
save-log-begin = Calco guarda { $name }
save-log-end = Todo está almacenado; sigue el manifiesto.
save-unreadable = { $size } del disco no se pudieron leer y quedan a cero en la imagen
save-unreadable-at = { $disk }: no se pueden leer { $length } bytes en el byte { $offset }
save-untried =
    { $disk }: { $size } en zonas dañadas se dieron por perdidos sin probar cada sector, porque las lecturas fallidas ya habían durado { $minutes ->
        [one] un minuto
       *[other] { $minutes } minutos
    }. Algo de ello quizá aún se pueda leer.
save-comes-back =
    { $disk }: { $count ->
        [one] todo lo demás está guardado; ahora se busca en la zona dañada lo que se pueda leer
       *[other] todo lo demás está guardado; ahora se busca en las { $count } zonas dañadas lo que se pueda leer
    }
save-interrupted-advice = No hay imagen nueva; las anteriores están intactas. `calco prune DESTINO --unfinished` borra lo que se alcanzó a guardar.
    .menu = No hay imagen nueva; las anteriores están intactas. Lo que se alcanzó a guardar se puede borrar en el menú: Imágenes de un destino.
save-old-kept = La imagen reemplazada se conserva como { $image }, porque a la nueva le falta lo que no se pudo leer. Bórrela usted cuando ya no la necesite.
save-old-stays = No se pudo borrar la imagen reemplazada, que es { $image }: { $why }
save-old-unproven = La imagen reemplazada se conserva como { $image }, porque no se pudo comprobar la nueva: { $why }. `calco prune DESTINO --unfinished` la borra cuando la nueva demuestre estar en buen estado.
    .menu = La imagen reemplazada se conserva como { $image }, porque no se pudo comprobar la nueva: { $why }. Bórrela usted cuando la nueva demuestre estar en buen estado.
save-old-unverified = La imagen sustituida se queda como { $image }, porque la nueva no se ha releído. Elimínela usted cuando `calco verify` haya comprobado la nueva.
    .menu = La imagen sustituida se queda como { $image }, porque la nueva no se ha releído. Bórrela usted cuando haya verificado la nueva.
save-unsound = La imagen nueva no está en buen estado
save-unsound-advice = La imagen que iba a reemplazar sigue intacta, en { $directory }. No se fíe de este destino: compruébelo o elija otro, y guarde de nuevo.
save-name-lost = Otra imagen ha tomado entretanto el nombre { $wanted }; esta se llama { $name }
save-name-unknown = No se pudo saber si otra imagen tiene el nombre { $wanted } ({ $why }); esta se llama { $name }
devices-and = { $first }; { $next }
devices-nothing = nada
devices-source-in-use = El disco puede cambiar mientras se lee: { $uses }
devices-source-in-use-advice = Desmóntelo, o móntelo en solo lectura, y desactive su memoria de intercambio; o arranque el equipo desde el medio de Calco, donde nada del disco está en marcha.
devices-target-in-use = El destino está en uso: { $uses }
devices-target-holds-image = El destino contiene la propia imagen
devices-target-holds-image-advice = Elija otro destino, o copie antes la imagen a otro disco.
devices-target-runs-system = El sistema en marcha está en este disco
devices-target-is-calco = El destino es el medio de Calco con el que arrancó este equipo, u otro igual
devices-target-is-calco-advice = Elija otro destino.
devices-target-read-only = El destino no se deja escribir
devices-target-read-only-advice = Busque un interruptor de protección en la memoria o tarjeta; `blockdev --setrw` quita la protección del propio núcleo.
devices-changed = El destino ya no es el disco que era cuando se mostró el plan
devices-changed-advice = No se escribió nada. Empiece de nuevo y compruebe de qué disco se trata.
restore-untouched = No se escribió nada en el destino.
restore-no-table = El destino no tiene tabla de particiones, así que no tiene una partición con ese número
restore-no-table-advice = Restaure el disco entero; o, si todo el destino se puede sobrescribir con este único volumen, indíquelo con --place NÚMERO=DESTINO. Si el destino tuvo antes una tabla, no escriba en él hasta haberlo examinado.
    .menu = Restaure el disco entero, o elija un destino que tenga particiones. Si el destino tuvo antes una tabla de particiones, no escriba en él hasta haberlo examinado.
restore-not-whole = La imagen solo contiene algunas particiones del disco, así que no puede formar un disco entero
restore-not-whole-advice = Elíjalas con --partitions { $list }: van a particiones que ya existan en el destino.
    .menu = En el modo experto, elija las particiones { $list }: van a particiones que ya existan en el destino.
restore-sector-size = El disco de la imagen tiene sectores de { $image } bytes y el destino de { $target }
restore-sector-size-advice = Una tabla de particiones cuenta en sectores, así que el disco no funcionaría. Elija un destino con el mismo tamaño de sector.
restore-larger = { $target } es más grande que el disco de la imagen: { $rest } quedan sin usar al final
restore-too-small = El destino es demasiado pequeño: hacen falta { $needed }, tiene { $there }, faltan { $missing }
restore-too-small-advice = Elija un destino más grande.
restore-no-partition = La imagen no contiene la partición { $number }
restore-no-partition-advice = Contiene estas: { $list }
restore-no-target-partition = El destino no tiene la partición { $number }
restore-no-target-partition-advice = Tiene estas: { $list }. Restaurar particiones no cambia la tabla; cree antes la partición, o restaure el disco entero.
restore-table-doubtful = No se puede confiar en la tabla de particiones del destino: { $why }
restore-partition-too-small = El sitio para la partición { $number } es demasiado pequeño: hacen falta { $needed }, tiene { $there }, faltan { $missing }
restore-place-twice = Dos particiones irían al mismo sitio
restore-place-twice-advice = Cada partición necesita el suyo: indique otro destino, o diga con --place adónde va cada una. En un destino sin tabla de particiones solo cabe una.
    .menu = Cada partición necesita el suyo: elija otro destino, o diga en las opciones adónde va cada una. En un destino sin tabla de particiones solo cabe una.
restore-disk-twice = Un disco de la imagen no puede ir a dos destinos a la vez
restore-disk-twice-advice = Indique un destino por disco; restaure otra vez para otro más.
devices-target-is-image = El destino es un archivo de una imagen
devices-target-is-image-advice = Indique otro archivo; sobre las imágenes nunca se escribe.
restore-left-out = No se restaura nada de { $disk }, que también está en la imagen
restore-unreadable = { $size } del origen no se pudieron leer al hacer la imagen; quedarán a cero
restore-differs = El destino no devuelve lo que se escribió en él
restore-differs-advice = Es probable que el disco esté fallando o que su capacidad sea falsa. Lo que se restauró en él no sirve y quedó irreconocible a propósito. No se fíe de él; use otro disco.
restore-carried = El destino ya lleva lo que contiene { $name }: se restauró en él antes, o se guardó de él
restore-carried-advice = No se ha escrito nada. Se perdería lo que se haya hecho en él desde entonces. Para restaurar de todos modos, añada --again.
restore-kept-old =
    Lo que identificaba al destino se conserva en { $file }. Mientras no se haya cambiado nada más, esto lo devuelve a su sitio:
    { $commands }
restore-kept-header = # Calco: lo que identificaba a un disco antes de restaurar una imagen en él. Estas órdenes lo devuelven a su sitio:
restore-keep-failed = No se pudo conservar lo que identifica al destino, así que no se ha escrito nada en él
restore-keep-exists = Ya existe ese archivo, y no se sobrescribe nada en él
restore-keep-exists-advice = Indique un archivo nuevo con --keep-old.
restore-starts-next = El firmware lo arrancará a continuación: entrada { $entry }, «{ $label }», { $path }
restore-no-boot-entry = El disco está restaurado, pero no se pudo indicar al firmware de este equipo que lo arranque ({ $why }). Si el equipo no arranca desde él, elija el disco en el menú del firmware.
restore-incomplete-advice = La restauración no está completa, así que todavía no se puede usar nada del destino. Se puede restaurar otra vez desde el principio.
restore-incomplete-partitions-advice = La restauración no está completa, así que las particiones elegidas todavía no se pueden usar; las demás y la tabla siguen como estaban. Se pueden restaurar otra vez desde el principio.
copy-name-taken-advice = Esa es otra imagen. Elija otro nombre para la copia con --name, o borre esa imagen si nadie la necesita.
copy-no-room = No hay espacio suficiente para la copia: hacen falta { $needed } y hay { $free } libres
copy-no-room-advice = Libere espacio o elija otro destino.
copy-file-too-long = El destino no admite archivos mayores de { $largest }, y uno de la imagen tiene { $longest }
copy-file-too-long-advice = Elija un destino cuyo sistema de archivos admita archivos más grandes, o guarde el disco otra vez con --split.
