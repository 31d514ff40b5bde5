cli-heading-usage = Uso
cli-heading-commands = Órdenes
cli-heading-arguments = Argumentos
cli-heading-options = Opciones
cli-no-signals = No se puede atender Ctrl-C; terminará el programa de inmediato.
cli-unknown-argument = Aquí no existe la opción { $argument }
cli-unexpected-word = Sobra la palabra «{ $word }»
cli-unknown-command = No existe la orden { $command }
cli-missing-argument = Falta algo: { $argument }
cli-missing-command = Falta una orden
cli-missing-value = { $argument } necesita un valor
cli-invalid-value = { $argument } no puede ser "{ $value }"
cli-not-a-number = no es un número entero
cli-not-a-fingerprint = una huella se escribe como SHA256:uNiVztksCsDhcc0u9e8BrIXLVVuRzaR…, tal como la muestra `ssh-keygen -lf`
cli-repeated-argument = { $argument } no se puede usar aquí, o no dos veces
cli-invalid-command = No se entiende la orden
cli-not-utf8 = "{ $word }" no es texto en UTF-8: algún nombre se escribió con otro juego de caracteres
cli-not-utf8-advice = Cambie el nombre de ese archivo o carpeta, o haga un enlace a él cuyo nombre sea texto normal y use el enlace.
cli-usage-advice = `calco --help` muestra las órdenes; `calco ORDEN --help` explica una.
cli-generate-failed = No se pudieron escribir las páginas de manual o los completados
cli-not-a-size = "{ $text }" no es un tamaño: escriba bytes, o un número con K, M, G o T
cli-not-partitions = "{ $text }" no es una lista de particiones
cli-not-partitions-advice = Escriba números como 1,3, con el nombre del disco delante si hay varios: sda:1,3
cli-not-an-image = "{ $word }" no nombra ninguna imagen
cli-partitions-of-which = No está claro de qué disco es "{ $text }"; los discos son: { $names }
cli-source-twice = El mismo disco aparece dos veces
cli-unstable-name = "{ $word }" puede ser otro disco en el próximo arranque, y no se pregunta a nadie
cli-unstable-name-advice = Nombre el disco por /dev/disk/by-id/…, id:… o serial:…, o quite --yes y confirme.
cli-which-disk = No está claro de qué disco de la imagen es "{ $text }"; la imagen contiene: { $names }
cli-which-disk-advice = Ponga delante el nombre del disco, como en --to sda=/dev/sdb, --partitions sda:1,3 o --place sda:2=5
cli-not-a-place = "{ $text }" no es un sitio para una partición
cli-not-a-place-advice = Escriba --place 2=5 (en la partición 5 del destino) o --place 2=/dev/sdb3
cli-placed-twice = La partición { $number } no puede ir a dos sitios
cli-target-unused = Nada va a { $target }: cada partición elegida tiene su propio sitio
cli-target-unused-advice = Quite --to para este disco, o elija más particiones con --partitions.
cli-no-target = Falta el destino de la restauración
cli-no-target-advice = Indique el destino con --to, o un sitio para cada partición con --place.
help-calco = Hace imágenes exactas de discos, las verifica y las devuelve a su sitio
help-calco-after = Ejemplos:
      calco disks
      calco save /dev/sda --to /mnt/usb --name oficina
      calco verify /mnt/usb/oficina
      calco restore /mnt/usb/oficina --to /dev/sdb

    Todo se puede probar sin un disco de sobra: un archivo que contenga los bytes de un disco sirve de origen y de destino.

    Códigos de salida: 0 éxito; 1 falló; 2 uso incorrecto; 3 la imagen está dañada; 4 hecho, pero hubo datos ilegibles; 5 rechazado por seguridad; 130 interrumpido.
help-option-json = Escribir un documento JSON en la salida estándar
help-option-progress = Cómo se muestra el avance en la salida de errores: bar, lines, json, none o auto (barra en una terminal, líneas en otro caso)
help-option-lang = Idioma de todos los textos, en o es; si no, el del entorno
help-option-yes = No preguntar nada; el disco debe nombrarse entonces de modo que no se confunda
help-option-dry-run = Mostrar lo que se haría y parar
help-option-help = Mostrar esta ayuda
help-option-version = Mostrar la versión
help-calco-disks = Mostrar los discos de este equipo y lo que contienen
help-calco-map = Mostrar qué bytes de un disco están en uso, o cuáles contiene una imagen, por volumen
help-calco-map-argument-source = Un disco, un archivo que contenga uno, o una imagen
help-calco-map-argument-unproven = Mostrar lo que hallaron lectores que no se han probado con volúmenes hechos por su propio sistema: HFS+
help-calco-save = Guardar discos como imagen
help-calco-save-after = Solo se guarda lo que está en uso, comprimido y con su hash; un volumen cuyos bloques en uso no se puedan leer con certeza se guarda entero. Nunca se escribe en el origen. No hay imagen hasta que todo está almacenado y releído, así que un guardado interrumpido no deja nada que lo parezca.
help-calco-save-argument-sources = Discos: /dev/sda, un archivo, id:NOMBRE, serial:NÚMERO, internal,only
help-calco-save-argument-to = Dónde se guardan las imágenes: una carpeta, o usb:NOMBRE/CARPETA, disk:NOMBRE/CARPETA para un volumen por su etiqueta o UUID
help-calco-save-argument-name = Nombre de la imagen; si no, nombre del equipo o producto, fecha y sistema
help-calco-save-argument-partitions = Solo estas particiones, como en sda:1,3; basta 1,3 si hay un solo disco. Se puede repetir
help-calco-save-argument-raw = Todos los bytes, estén en uso o no
help-calco-save-argument-unproven = Guardar solo lo que está en uso también de los volúmenes HFS+. Su lector no se ha probado con suficientes volúmenes de equipos Mac; sin esta opción se guardan enteros
help-calco-save-argument-level = Compresión: none, fast, auto, o de 1 a 19
help-calco-save-argument-split = Archivo más largo de la imagen, como 2G; si no, 1 GiB
help-calco-save-argument-note = Un texto para recordar para qué es esta imagen
help-calco-save-argument-replace = Reemplazar la imagen de este nombre, cuando la nueva esté completa y releída
help-calco-save-argument-no-verify = No volver a leer la imagen del medio
help-calco-restore = Restaurar una imagen en discos, o algunas de sus particiones
help-calco-restore-after = La imagen se comprueba antes de escribir nada. La tabla del destino se destruye lo primero y se escribe lo último, así que una restauración interrumpida deja un disco que no finge estar entero. Con --partitions o --place la tabla y las demás particiones quedan como están.
help-calco-restore-argument-image = La imagen: CARPETA/NOMBRE, o usb:VOLUMEN/NOMBRE, disk:VOLUMEN/NOMBRE
help-calco-restore-argument-to = Dónde: un disco, una partición o un archivo; NOMBRE=DESTINO por cada disco de una imagen que contiene varios
help-calco-restore-argument-partitions = Solo estas particiones, en las del mismo número del destino
help-calco-restore-argument-place = Dónde va una partición: 2=5 en la partición 5 del destino, 2=/dev/sdb3 en esa; sda:2=… si la imagen contiene varios discos. Se puede repetir
help-calco-restore-argument-repair-table = Rehacer una copia dañada o distinta de una GPT a partir de la buena
help-calco-restore-argument-again = En una ejecución desatendida, restaurar en un destino que ya lleva esta imagen, según su tabla de particiones o su volumen; sin esta opción se rechaza
help-calco-restore-argument-no-boot = En el sistema autónomo, no cambiar nada en el firmware: ni crear una entrada de arranque para lo restaurado ni hacer que arranque a continuación
help-calco-restore-argument-keep-old = Conservar en este archivo nuevo la tabla del destino, sus sectores de arranque y su primer y último mebibyte antes de escribir nada, y mostrar las órdenes que los devuelven a su sitio
help-calco-restore-argument-no-precheck = No comprobar la imagen antes de escribir el primer byte
help-calco-restore-argument-no-verify = No volver a leer el destino
help-calco-verify = Comprobar cada byte de las imágenes
help-calco-verify-argument-images = Imágenes: CARPETA/NOMBRE
help-calco-verify-argument-quick = Solo lo que describe la imagen, y que estén todos los archivos
help-calco-images = Mostrar las imágenes de una o varias carpetas, y cuáles tienen copias
help-calco-images-argument-destinations = Dónde se guardan las imágenes: una carpeta, o usb:NOMBRE/CARPETA, disk:NOMBRE/CARPETA para un volumen por su etiqueta o UUID
help-calco-show = Mostrar lo que contiene una imagen
help-calco-show-argument-image = La imagen: CARPETA/NOMBRE, o usb:VOLUMEN/NOMBRE, disk:VOLUMEN/NOMBRE
help-calco-delete = Borrar una imagen
help-calco-delete-argument-image = La imagen: CARPETA/NOMBRE, o usb:VOLUMEN/NOMBRE, disk:VOLUMEN/NOMBRE
help-calco-prune = Borrar lo que dejaron los guardados incompletos
help-calco-prune-argument-destination = Dónde se guardan las imágenes: una carpeta, o usb:NOMBRE/CARPETA, disk:NOMBRE/CARPETA para un volumen por su etiqueta o UUID
help-calco-prune-argument-unfinished = Borrar las imágenes incompletas, y las reemplazadas que no se borraron; las que se están leyendo o escribiendo se quedan
help-calco-generate = Escribir páginas de manual y completados de shell
help-calco-generate-argument-folder = La carpeta donde escribirlos
help-calco-menu = Mostrar el menú: todo paso a paso, para personas
help-calco-menu-argument-console = Nombre de esta consola, como lo muestran los menús de otras
help-calco-copy = Copiar una imagen a un segundo lugar
help-calco-copy-after = La copia es la misma imagen, byte por byte, y solo cuenta cuando se ha vuelto a leer entera del medio. Lo que se interrumpió sigue donde se quedó al repetir la orden; si la copia ya está, se verifica. calco images CARPETA CARPETA dice qué imágenes tienen copias.
help-calco-copy-argument-image = La imagen: CARPETA/NOMBRE, o usb:VOLUMEN/NOMBRE, disk:VOLUMEN/NOMBRE
help-calco-copy-argument-to = Dónde se guarda la copia: una carpeta, o usb:NOMBRE/CARPETA, disk:NOMBRE/CARPETA para un volumen por su etiqueta o UUID
help-calco-copy-argument-name = Nombre de la copia; si no se da, el de la imagen
help-option-credentials = Un archivo con usuarios, contraseñas y claves para servidores; se puede repetir. ~/.config/calco/credentials y /etc/calco/credentials se leen siempre
help-option-password-file = Un archivo cuya primera línea es la contraseña para el servidor
help-option-ssh-key = Una clave privada para un servidor al que se llega por SSH
help-option-host-key = La huella (SHA256:…) que un servidor SSH tiene que mostrar; se puede repetir
help-option-ca-file = Un archivo de certificados (PEM) de autoridades en las que se confía además de las del sistema
help-option-wait = Cuántos minutos se espera a un servidor que dejó de responder; si no se da, 30
