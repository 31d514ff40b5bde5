# El menú.
menu-no-terminal = El menú necesita una terminal donde mostrarse
menu-title = Calco { $version }
menu-welcome = ¿Qué quiere hacer? Nada cambia en ningún disco antes de que usted haya visto lo que va a pasar y haya dicho que sí.
menu-save = Guardar discos (crear una imagen)
menu-restore = Restaurar una imagen en un disco
menu-verify = Verificar imágenes
menu-disks = Ver los discos de este equipo
menu-images = Imágenes de un destino (ver, borrar)
menu-language = Idioma / Language
menu-keyboard = Teclado
menu-logs = Registros
menu-expert-on = Modo experto: desactivado
menu-expert-off = Modo experto: activado
menu-shell = Consola de rescate
menu-reboot = Reiniciar el equipo
menu-power-off = Apagar el equipo
menu-quit = Salir

menu-keys-move = Flechas: mover
menu-keys-mark = Espacio: marcar
menu-keys-choose = Intro: elegir
menu-keys-page = RePág/AvPág: leer
menu-keys-back = Esc: volver
menu-keys-done = Intro: seguir
menu-keys-return = Intro: volver
menu-keys-stop = Ctrl-C: detener
menu-text-more =
    { $count ->
        [one] -- { $count } línea más: AvPág --
       *[other] -- { $count } líneas más: AvPág --
    }
menu-list-above = -- { $count } más arriba --
menu-list-below = -- { $count } más abajo --
menu-text-end = -- fin del texto --
menu-text-place = -- hasta la línea { $last } de { $count } --
menu-number = Número e Intro:
menu-number-back = Número e Intro, 0 para volver:
menu-numbers-back = Números (como 1 o 1,3) e Intro, 0 para volver:
menu-more = -- Intro para seguir --
menu-enter-keeps = Intro sin más acepta: { $value }
menu-dot-goes-back = Un solo punto vuelve atrás.
menu-blocked = No se puede elegir: { $reason }
menu-error-title = No fue posible
menu-go-on = Continuar
menu-go-back = Volver
menu-yes = sí
menu-no = no
menu-default = lo habitual

menu-keyboard-text = ¿Qué teclado está conectado a este equipo?
menu-keyboard-try = Pruébelo: escriba letras y signos y pulse Intro. No se guarda nada.
menu-logs-own = Lo que hizo Calco
menu-logs-kernel = Los mensajes del núcleo
menu-logs-copy = Copiar ambos a una memoria
menu-logs-copy-failed = No se pudieron copiar los registros
menu-logs-copied = Copiado en { $place }: { $names }
menu-logs-empty = Todavía no hay nada escrito.
menu-logs-unreadable = No se puede leer: { $why }
menu-shell-text = Esta es una consola con todos los permisos. "exit" vuelve al menú.
menu-shell-failed = No se pudo ejecutar { $shell }
menu-power-off-yes = Sí, apagarlo ahora
menu-reboot-yes = Sí, reiniciarlo ahora
menu-power-job = Hay un trabajo en marcha en { $console }: { $job }. Quedaría cortado.
menu-ending = Espere, por favor
menu-ending-text = El equipo se está apagando.

menu-no-disks = No se encontró ningún disco.
menu-no-medium = sin medio
menu-disks-text = Intro muestra todo lo que se sabe de un disco.
menu-disk-pending = se está examinando…
menu-disk-empty-drive = no hay ningún medio en esta unidad
menu-disk-in-use = { $use }
menu-disk-holds-image = la imagen está en este disco
menu-disk-is-calco = es el medio de Calco con el que arrancó el equipo, u otro igual
menu-type-path = Otra cosa: escribir su ruta
menu-path-prompt = Ruta de un dispositivo, o de un archivo que contiene un disco:
menu-volume-used = { $used } en uso
menu-volume-whole = entera, porque: { $reason }
menu-place-folder = Una carpeta de este sistema: escribir su ruta
menu-place-text-write = Elija adónde debe ir. Una memoria o un disco que conecte ahora aparece aquí solo. No se escribe nada antes de que usted lo diga.
menu-place-text-look = Elija dónde está la imagen. Una memoria o un disco que conecte ahora aparece aquí solo. Nada cambia en él.
menu-place-looking = Buscando memorias y discos…
menu-place-none = No hay ninguna memoria ni disco que pueda guardar imágenes. Conecte uno: aparecerá aquí.
menu-place-is-source = está en el disco que se va a guardar
menu-place-external = en un disco que se puede desconectar
menu-place-internal = en un disco interno del equipo
menu-place-opening = Abriendo la memoria o el disco
menu-place-which = En { $place }: ¿en qué carpeta?
menu-place-here =
    { $count ->
        [0] Aquí (todavía sin imágenes)
        [one] Aquí ({ $count } imagen)
       *[other] Aquí ({ $count } imágenes)
    }
menu-place-new = En una carpeta nueva
menu-place-new-prompt = Nombre de la carpeta nueva:
menu-place-new-wrong = "{ $name }" no puede ser el nombre de una carpeta aquí.
menu-place-taken = Ya existe una carpeta o una imagen "{ $name }".
menu-folder-prompt = Carpeta de las imágenes:
menu-folder-missing = No existe la carpeta { $path }

menu-save-disks = Guardar: ¿qué disco?
menu-save-disks-text = Elija el disco que quiere guardar. Solo se lee, nunca se modifica. Para reunir varios discos en una imagen, márquelos con la barra espaciadora.
menu-save-disks-text-numbers = Elija el disco que quiere guardar. Solo se lee, nunca se cambia. Para poner varios discos en una imagen, escriba sus números con comas entre ellos.
menu-save-place = Guardar: ¿dónde?
menu-save-name = Guardar: nombre de la imagen
menu-save-name-prompt = Nombre:
menu-save-name-text = Con este nombre volverá a encontrar la imagen. Puede dejarlo como está.
menu-name-taken = Ya existe una imagen "{ $name }".
menu-name-other = Elegir otro nombre
menu-name-replace = Reemplazarla: se borra cuando la nueva esté completa y releída
menu-name-unfinished = También hay un guardado interrumpido de "{ $name }"; se deja como está.
menu-outside = Guardar: ¿quién puede llegar a la imagen?
menu-outside-text = ¿Saldrá de casa esta imagen, o podrán desconocidos llegar a la memoria o al disco donde está?
menu-outside-no = No, queda en buenas manos
menu-outside-yes = Sí, podría pasar
menu-outside-warning = Esta versión de Calco todavía no puede cifrar imágenes. Quien tenga la imagen puede leer todo lo que hay en el disco: documentos, fotos, contraseñas guardadas. Consérvela donde nadie más llegue a ella, o en una memoria cifrada.
menu-outside-anyway = Lo entiendo. Guardar sin cifrar
menu-planning = Viendo lo que hay que hacer
menu-save-plan = Guardar: esto es lo que va a pasar
menu-save-start = Empezar a guardar ahora
menu-saving = Guardando { $name }
menu-save-about = En { $to }. El disco solo se lee. No desconecte la memoria ni el disco antes del final.
menu-saved = El disco está guardado
menu-saved-part = Guardado, pero no se pudo leer todo
menu-log-is-at = Registro: { $path }
menu-same-command = La orden que hace lo mismo sin preguntas:
menu-back-to-menu = Volver al menú
menu-about-time = Durará unos { $time } a { $rate }/s; con memorias y discos lentos, más.

menu-images-at = Imágenes en { $location }
menu-image-size = { $used } en uso, ocupa { $stored }
menu-restore-place = Restaurar: ¿dónde está la imagen?
menu-restore-image = Restaurar: ¿qué imagen?
menu-restore-target = Restaurar: ¿en qué disco?
menu-restore-target-text = La imagen contiene { $disk } ({ $size }). TODO lo que haya en el disco que elija ahora será reemplazado. No pasa nada antes de que lo confirme.
menu-restore-plan = Restaurar: esto es lo que va a pasar
menu-restore-start = Pasar a la última pregunta
menu-restore-confirm = Restaurar: la última pregunta
menu-restore-confirm-text = Después de esto no hay vuelta atrás: se perderá lo que contiene el disco de destino. Si no está seguro, pulse Esc.
menu-restore-confirm-wrong = Escriba { $word }, o pulse Esc para volver. Hasta ahora no se cambió nada.
menu-restoring = Restaurando { $name }
menu-restore-about = En { $to }. No apague el equipo antes del final.
menu-restored = La imagen está restaurada
menu-restored-part = Restaurada, pero a la imagen le faltan datos
menu-verify-place = Verificar: ¿dónde está la imagen?
menu-verify-image = Verificar: ¿qué imagen?
menu-verifying = Verificando { $name }
menu-verified = La imagen está en perfecto estado
menu-verified-part = La imagen está en perfecto estado, pero le faltan datos
menu-images-place = Imágenes: ¿dónde?
menu-image-show = Ver qué contiene
menu-image-verify = Verificarla
menu-image-deleting = Borrando { $name }
menu-image-delete = Borrarla

menu-settings = Opciones
menu-set-all = todas
menu-set-same = cada una en su lugar
menu-set-partitions = Particiones
menu-set-partitions-prompt = Números separados por comas, como 1,3. Con varios discos: sda:1,3 sdb:2. Vacío para todas:
menu-set-raw = Todos los bytes, estén en uso o no
menu-set-level = Compresión
menu-set-level-prompt = none, fast, auto, o de 1 a 19:
menu-set-split = Archivo más largo
menu-set-split-prompt = Un tamaño como 2G; vacío para 1 GiB:
menu-set-note = Nota
menu-set-note-prompt = ¿Qué conviene recordar de esta imagen?
menu-set-verify = Volver a leer todo al final
menu-set-place = Adónde van las particiones
menu-set-place-prompt = Como 2=5 (en la partición 5 del destino) o 2=/dev/sdb3, con espacios entre varias. Vacío para cada una en su lugar:
menu-set-repair-table = Reparar una copia dañada de la tabla de particiones
menu-set-precheck = Comprobar la imagen antes de escribir nada

menu-stage-done = Hecho: { $stage }
menu-elapsed = Tiempo de este paso: { $time }
menu-amount = { $done } de { $total }
menu-amount-left = { $done } de { $total }, { $rate }/s, faltan unos { $left }
menu-stop-title = ¿Detener?
menu-stop-text = El trabajo sigue mientras lo piensa. Si detiene un guardado, no habrá imagen. Si detiene una restauración, el disco de destino quedará vacío y habrá que restaurarlo de nuevo.
menu-stop-no = No, seguir
menu-stop-yes = Sí, detener ahora
menu-stopping = Deteniendo…
menu-other-console = Este trabajo se empezó en { $console }. Solo puede haber un trabajo a la vez.
menu-copying = Copiando { $name }
menu-network = La red
menu-network-text = Los cables se detectan solos y las direcciones se piden (DHCP). Si nadie las da, dé una usted mismo: pregunte a quien se ocupa de la red.
menu-network-give = Dar una dirección a mano
menu-network-ask = Volver a pedir direcciones por DHCP, en todas partes
menu-network-which = ¿Qué cable? Una interfaz que muestra una dirección ya funciona.
menu-network-address = Dirección de este equipo con la longitud del prefijo de su red, como 192.168.1.20/24 (también IPv6; varias con espacios):
menu-network-address-empty = Escriba una dirección, como 192.168.1.20/24, o pulse Esc.
menu-network-gateway = Puerta de enlace, el camino a otras redes. Vacío si no hay:
menu-network-servers = Servidores de nombres (DNS), con espacios entre varios. Vacío si no hay:
menu-network-vlan = Número de la red etiquetada (VLAN). Vacío si el cable no lleva ninguna, como es habitual:
menu-network-use = Usarla ahora
menu-network-same = La red se configura de nuevo. Lo mismo desde el arranque, en la línea de órdenes del núcleo: { $words }
menu-network-job = { $job } se ejecuta en { $console }. Si usa la red, tendrá que esperarla.
menu-network-names = Servidores de nombres: { $servers }
menu-place-guided = Una carpeta de un servidor: pregunta a pregunta
menu-guided-text = ¿Qué clase de servidor es? Quien lo cuida lo sabe.
menu-guided-smb = Una carpeta compartida de Windows, Samba o un NAS (SMB)
menu-guided-nfs = Un servidor NFS
menu-guided-sftp = Un servidor al que se llega por SSH (SFTP)
menu-guided-s3 = Almacenamiento de objetos (S3)
menu-guided-https = Un servidor web, para restaurar desde él
menu-guided-server = Nombre o dirección del servidor (el puerto tras dos puntos, si no es el habitual):
menu-guided-endpoint = Dirección del servicio, como https://storage.example:9000. Vacío para Amazon:
menu-guided-share = Recurso compartido y la carpeta en él, como backup/imagenes:
menu-guided-bucket = Bucket y la carpeta en él, como backup/imagenes:
menu-guided-folder = Carpeta, como srv/imagenes. Vacío para la raíz del servidor:
menu-guided-image = Carpeta y nombre de la imagen, como imagenes/portatil:
menu-guided-user-smb = Usuario, con el dominio delante si lo hay, como LAB\ana. Vacío para invitado:
menu-guided-user = Usuario:
menu-guided-empty = Escriba algo, o pulse Esc para volver.
menu-place-server = Una carpeta de un servidor: escribir su dirección
menu-server-prompt = Dirección de la carpeta:
menu-server-text =
    smb://USUARIO@SERVIDOR/RECURSO  una carpeta compartida de Windows, Samba o un NAS
    nfs://SERVIDOR/EXPORTACIÓN  un servidor NFS; nfs://SERVIDOR/ muestra lo que tiene
    sftp://USUARIO@SERVIDOR/CARPETA  un servidor al que se llega por SSH
    s3://BUCKET/CARPETA?endpoint=https://SERVIDOR  almacenamiento de objetos
    https://SERVIDOR/CARPETA/IMAGEN  una imagen en un servidor web, para restaurarla
    La contraseña se pregunta después; no va en la dirección.
menu-server-none = Esto no es la dirección de un servidor. Empieza con smb://, nfs://, sftp://, s3:// o https://.
menu-server-connecting = Conectando con el servidor
