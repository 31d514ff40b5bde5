ui-stage-survey = Examinando el disco
ui-stage-save = Guardando
ui-stage-verify = Verificando
ui-stage-precheck = Comprobando la imagen
ui-stage-restore = Restaurando
ui-stage-verify-target = Verificando el destino
ui-stage-begins = { $stage }…
ui-progress-line = { $stage }: { $percent } %, { $done } de { $total }, { $rate }/s, faltan { $left }
ui-output-failed = No se puede escribir en la salida estándar
ui-nobody-to-ask = Esto destruye algo y hay que confirmarlo, pero no hay una terminal donde preguntar
ui-nobody-to-ask-advice = Ejecútelo en una terminal, o añada --yes cuando esté seguro.
ui-not-confirmed = Sin confirmar. No se cambió nada.
ui-serial = número de serie { $serial }
ui-content-nothing = no contiene nada conocido
ui-content-used = { $used } de { $size } en uso
ui-content-partitions =
    { $count ->
        [one] { $count } partición
       *[other] { $count } particiones
    }
ui-column-partition = Partición
ui-partition-name = «{ $name }»
ui-partition-uuid = Partición { $number }: UUID { $uuid }
ui-volume-uuid = UUID { $uuid }
ui-column-type = Tipo
ui-column-content = Contenido
ui-column-label = Etiqueta
ui-column-size = Tamaño
ui-column-used = En uso
ui-column-extents = Extensiones
ui-column-note = Nota
ui-column-name = Nombre
ui-column-created = Hecha
ui-column-disks = Discos
ui-column-stored = Ocupa
ui-column-condition = Estado
ui-firmware-bios = Este equipo arrancó por BIOS.
ui-firmware-uefi = Este equipo arrancó por UEFI, con Secure Boot desactivado.
ui-firmware-unknown = Este equipo arrancó por UEFI; no se puede saber si Secure Boot está activado.
ui-firmware-secure-boot = Este equipo arrancó por UEFI, con Secure Boot activado.
ui-no-disks = No se encontró ningún disco.
ui-disk-facts = número de serie { $serial }, WWN { $wwn }, sectores de { $logical } bytes ({ $physical } físicos)
ui-disk-removable = extraíble
ui-disk-failing = ATENCIÓN: el disco dice que está fallando (SMART). Guárdelo antes que nada y no restaure en él.
ui-disk-good = SMART: el disco no ve motivos de preocupación
ui-whole = todo
ui-whole-because = { $size } (entera: { $reason })
ui-skipped = no se guarda
ui-outside-partitions = fuera de las particiones
ui-save-title = Guardar como "{ $name }" en { $destination }
ui-save-amount = Por leer: { $used }. Imagen estimada: { $estimated }. Libre en el destino: { $free }.
ui-save-replaces = La imagen de { $directory } se borrará cuando la nueva esté completa y releída.
ui-warning = Atención: { $warning }
ui-save-done = Guardado: { $location } ({ $used } leídos, { $stored } almacenados, { $seconds } s)
ui-save-verified = Todo se volvió a leer del medio y está en perfecto estado.
ui-save-verified-part = Lo guardado se volvió a leer del medio y está en perfecto estado.
ui-save-not-verified = La imagen no se volvió a leer. Verifíquela antes de confiar en ella.
ui-restore-title = Restaurar "{ $name }", hecha el { $created }
ui-restore-target = { $disk } de la imagen ({ $size } por escribir) va a { $target }
ui-restore-target-is = El destino: { $identity }, { $size }
ui-plain-file = un archivo normal
ui-restore-target-has = Contiene ahora: { $content }
ui-restore-all-lost = SE PERDERÁ TODO LO QUE CONTIENE.
ui-restore-part-lost = Se perderá todo lo que haya en estas particiones; la tabla y las demás particiones se quedan como están:
ui-restore-place = la partición { $from } de la imagen en la partición { $to }
ui-restore-place-whole = la partición { $from } de la imagen en todo él
ui-restore-confirm = Para sobrescribir { $target }, escriba { $word }
ui-restore-done = Restaurada "{ $name }": { $bytes } escritos en { $seconds } s
ui-restore-verified = Todo se volvió a leer del destino y es igual a la imagen.
ui-restore-not-verified = El destino no se volvió a leer.
ui-no-images = Aquí no hay imágenes.
ui-condition-finished = completa
ui-condition-replaced = reemplazada por otra más nueva
ui-condition-unfinished = INCOMPLETA
ui-condition-in-progress = se está escribiendo ahora
ui-condition-incomplete = completa, pero { $size } no se pudieron leer
ui-condition-damaged = DAÑADA
ui-condition-too-new = necesita un Calco más nuevo
ui-condition-unreadable = no se puede leer
ui-show-facts =
    { $name }
    Dónde: { $location }
    Hecha: { $created }
    Equipo: { $machine }
    En uso: { $used }
    Ocupa: { $stored }
    Nota: { $note }
    Orden: { $command }
ui-show-not-verified = No se volvió a leer cuando se hizo.
ui-verify-sound = { $image }: en perfecto estado ({ $files } archivos, { $chunks ->
        [one] { $chunks } bloque
       *[other] { $chunks } bloques
    }, { $stored })
ui-verify-quick = { $image }: su descripción es correcta y están todos los archivos; el contenido no se leyó
ui-delete-what = Se va a borrar: { $location }
ui-delete-confirm = No hay vuelta atrás. Para borrarla, escriba { $word }
ui-deleted = Borrado: { $location }
ui-prune-nothing = No hay nada que borrar.
ui-prune-confirm =
    { $count ->
        [one] Para borrar lo que quedó, escriba { $count }
       *[other] Para borrar lo que quedó de las { $count }, escriba { $count }
    }
ui-job-no-lock = No se puede saber si hay otro trabajo en marcha
ui-job-elsewhere = Hay otro trabajo en marcha en este equipo
ui-job-elsewhere-advice = Espere a que termine; el menú de cada consola lo muestra.
ui-stage-copy = Copiando
ui-copy-plan = Copiar { $image } a { $location } ({ $stored })
ui-copy-there = Esta imagen ya está en el lugar de destino ({ $location }); se verifica.
ui-copy-done = Copiada y verificada: { $location } ({ $stored }, { $seconds } s)
ui-column-copies = Copias
ui-images-in = En { $location }:
ui-yes = sí
