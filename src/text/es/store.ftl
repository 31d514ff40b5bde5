store-open-failed = No se llega al destino
store-open-advice = Indique una carpeta que exista, en un sistema de archivos montado.
store-no-folder = El destino no es una carpeta
store-list-failed = No se puede ver el contenido del destino
store-no-image = No hay ninguna imagen con ese nombre
store-create-failed = No se pudo crear un archivo o carpeta en el destino
store-create-advice = Compruebe que se pueda escribir en el destino y que no haya un archivo con ese nombre.
store-delete-failed = No se pudo borrar un archivo o carpeta
store-delete-advice = ¿Está el medio protegido contra escritura, o no tiene permiso para escribir ahí? `calco images` muestra lo que queda.
    .menu = ¿Está el medio protegido contra escritura, o no tiene permiso para escribir ahí?
store-write-failed = No se pudo escribir en el destino
store-full-advice = El destino está lleno o no admite un archivo tan grande. Libere espacio o elija otro destino; lo escrito hasta ahora no es una imagen y se borra con `calco prune DESTINO --unfinished`.
    .menu = El destino está lleno o no admite un archivo tan grande. Libere espacio o elija otro destino; lo escrito hasta ahora no es una imagen y se puede borrar en el menú: Imágenes de un destino.
store-read-failed = No se pudo leer un archivo de la imagen
store-no-plain-file = Esto no es un archivo normal
store-cut-short = El archivo termina antes de lo debido
store-no-thread = El sistema no da ningún hilo para las conexiones con servidores
store-no-resume = Este destino no puede continuar un archivo
store-changed = El archivo del destino no es el que se empezó
store-waiting = { $server } no responde desde las { $since }: { $why }. Se le espera, como mucho { $minutes ->
    [one] un minuto
   *[other] { $minutes } minutos
 }; mientras tanto no se pierde nada
store-back = { $server } vuelve a responder después de { $seconds } s
store-gone = { $server } no volvió en { $minutes ->
    [one] un minuto
   *[other] { $minutes } minutos
 }
store-gone-advice = Lo que se almacenó allí queda como imagen sin terminar. Compruebe el servidor y el cable, y empiece de nuevo; --wait MINUTOS indica cuánto se espera a un servidor.
address-advice = Una dirección tiene la forma smb://USUARIO@SERVIDOR/RECURSO, nfs://SERVIDOR/EXPORTACIÓN o sftp://USUARIO@SERVIDOR/CARPETA; %20 es un espacio.
address-no-text = La dirección contiene bytes que no son texto
address-leads-outside = La ruta de la dirección sale de su carpeta
address-port = «{ $port }» no es un puerto de servidor
address-host = La dirección no nombra ningún servidor que pueda existir
address-user = El usuario de la dirección está vacío o no es posible ahí
address-password = Una contraseña no tiene sitio en una dirección: otros la ven en la lista de procesos
address-password-advice = Quítela: se pregunta. Donde no hay nadie, use --password-file ARCHIVO, --credentials ARCHIVO o la variable CALCO_PASSWORD.
address-option = La dirección tiene una opción que { $scheme } no conoce
address-option-value = La opción { $option } de la dirección no tiene un valor posible
address-bucket = La dirección de un depósito no lleva puerto: ese va en el endpoint
address-share = La dirección no nombra ningún recurso compartido
address-no-scheme = A ningún servidor se llega de esa manera
credentials-unreadable = No se puede leer el archivo de credenciales
credentials-unreadable-advice = Indique un archivo de texto de 1 MiB como mucho que usted pueda leer.
credentials-line = La línea { $number } del archivo de credenciales no significa nada
credentials-line-advice = Las líneas son CLAVE = VALOR con las claves user, password, key, passphrase, host-key, domain, access-key, secret-key y session-token, o [DIRECCIÓN] para los lugares que empiezan así.
ssh-no-such-host = El nombre { $host } no se conoce
ssh-no-such-host-advice = Compruebe que está bien escrito y que la red y su servidor de nombres (DNS) funcionan; con el número del servidor en vez de su nombre no hacen falta.
ssh-no-connection = No hay conexión con { $server }
ssh-no-connection-advice = Compruebe que el servidor está encendido, que su servicio SSH funciona y que el cable está puesto; y que el puerto es el correcto.
ssh-no-answer = { $server } no respondió en { $seconds } segundos
ssh-key-question =
    A { $server } no se le ha visto nunca. Su clave es
      { $fingerprint }
    Compárela con lo que dice quien cuida del servidor (la muestra ssh-keygen -lf en el servidor). Escriba «sí» si es la misma:
ssh-key-not-accepted = No se aceptó la clave de { $server }; no se envió nada
ssh-key-unknown = La clave de { $server } no se conoce, y no hay nadie que la compare: { $fingerprint }
ssh-key-unknown-advice = Si es correcta, indíquela de antemano: --host-key { $fingerprint }, o host-key = { $fingerprint } en el archivo de credenciales.
ssh-key-changed = { $server } muestra otra clave que la debida: { $fingerprint }. Puede ser otra máquina que se hace pasar por el servidor. No se envió nada
ssh-key-changed-advice = Si el servidor se instaló de nuevo, quite su clave antigua de los servidores conocidos (ssh-keygen -R SERVIDOR) o indique la nueva, y vuelva a intentarlo.
ssh-key-revoked = { $server } muestra una clave marcada como revocada en los servidores conocidos: { $fingerprint }. No se envió nada
ssh-key-revoked-advice = Una clave revocada puede estar en malas manos. Pida la clave nueva a quien administra el servidor.
ssh-key-locked = La clave privada necesita una frase de paso
ssh-key-unusable = La clave privada no se puede usar
ssh-key-unusable-advice = Indique una clave privada en la forma de OpenSSH, PEM o PuTTY; su frase de paso puede estar en el archivo de credenciales o en la variable CALCO_PASSPHRASE.
ssh-passphrase-question = Frase de paso de la clave privada:
store-password-question = Contraseña de { $user } en { $server }:
ssh-question = { $question }
ssh-not-let-in = { $server } no deja entrar a { $user }: la contraseña o la clave es incorrecta, o ese usuario no puede entrar así
ssh-not-let-in-advice = Escriba el usuario en la dirección, como en sftp://ana@nas/copias. La contraseña se pregunta; donde no hay nadie, use --password-file ARCHIVO, --ssh-key ARCHIVO, --credentials ARCHIVO o la variable CALCO_PASSWORD.
ssh-no-sftp = { $server } nos deja entrar, pero no da acceso a los archivos (SFTP)
ssh-no-sftp-advice = Quien cuida del servidor tiene que permitir SFTP a este usuario.
store-web-authorities = El archivo de certificados no se puede usar
store-web-authorities-advice = Indique un archivo que tenga al menos un certificado en forma PEM (-----BEGIN CERTIFICATE-----).
store-web-certificate = No se confía en el certificado del servidor; no se envió nada
store-web-certificate-advice = Compruebe el nombre y también el reloj de esta máquina: marca { $now }. Si el lugar tiene una autoridad propia, indique su certificado: --ca-file ARCHIVO.
store-web-no-host = el nombre no se conoce
store-web-no-host-advice = Compruebe que esté bien escrito y que funcionen la red y su servidor de nombres (DNS); el número del servidor en lugar del nombre funciona sin él.
store-web-silent = el servidor no dice nada
store-web-nonsense = la respuesta del servidor no significa nada
store-web-reach-advice = Compruebe que el servidor esté encendido y su servicio funcione, que el cable esté puesto y que nombre y puerto sean correctos.
store-web-downgrade = El servidor lleva de una conexión cifrada a una que no lo es; no se siguió
store-web-address = La dirección no se puede usar
store-web-login-advice = Compruebe que el usuario y la contraseña, o la clave de acceso y la clave secreta, sean correctos y permitan esto. Vienen de --credentials ARCHIVO, del entorno (para almacenamiento de objetos AWS_ACCESS_KEY_ID y AWS_SECRET_ACCESS_KEY) o de la persona a quien se pregunta.
store-web-no-ranges = El servidor solo da archivos enteros
store-web-no-ranges-advice = El servidor web, o un proxy delante de él, tiene que permitir pedir partes de archivos (Accept-Ranges) y decir cuánto miden. Si no, descargue la imagen y restáurela desde ahí.
store-web-no-length = El servidor no dice cuánto mide el archivo
store-web-read-only = Las imágenes de un servidor web solo se pueden leer
store-web-read-only-advice = Guarde en una carpeta, un disco, nfs://, smb://, sftp:// o s3://.
store-web-no-list = Un servidor web no dice qué imágenes tiene
store-web-no-list-advice = Nombre la imagen: https://SERVIDOR/CARPETA/IMAGEN.
store-bucket-question = Clave secreta de { $key }:
store-bucket-no-secret = Falta la clave secreta y no hay nadie a quien preguntar
store-bucket-missing-advice = Compruebe que esté bien escrito. Calco no crea «buckets»: tiene que hacerlo quien administra el almacenamiento.
store-bucket-clock-advice = El reloj de esta máquina o el del servidor está mal. Póngalo en hora e inténtelo de nuevo.
store-bucket-region-advice = Indique la región del «bucket» en la dirección: s3://BUCKET?region=NOMBRE.
share-confused = El proceso que llega al servidor no hace lo que debe
share-no-process = El proceso que llega al servidor no puede iniciarse
share-ended = El proceso que llega al servidor ha terminado
share-silent = el servidor no responde
share-mount-failed = La carpeta del servidor no puede montarse
share-no-folder = No se puede entrar en la carpeta del servidor
share-no-folder-advice = Busque un error de escritura. La carpeta debe existir, y este usuario debe poder entrar en ella.
share-no-driver = Este sistema no tiene controlador para { $name }
share-old-kernel = Este sistema es demasiado antiguo: hace falta Linux 5.11 o más nuevo
share-no-driver-advice = Use el sistema autónomo, o monte antes la carpeta e indique dónde está montada.
share-no-connection-advice = Compruebe que el servidor está encendido, que ofrece { $name } y que el cable está puesto; y que el puerto es el correcto.
share-no-export = { $server } no exporta { $path } ni tiene esa carpeta
share-no-export-advice = Busque un error de escritura. En el servidor, `exportfs -v` o sus ajustes muestran lo que exporta, y a quién: algunos servidores ocultan a una máquina lo que no puede tener.
share-not-exported = { $server } no da { $path } a esta máquina
share-not-exported-advice = La exportación tiene que estar abierta a esta máquina ({ $own }), en /etc/exports o en los ajustes del servidor.
share-no-version = { $server } y este sistema no tienen ninguna versión de { $name } en común
share-no-version-advice = Versiones que se hablan aquí: { $versions }. Una dirección puede pedir una: ?version=…
share-no-share = { $server } no tiene el recurso compartido { $share }
share-no-share-advice = Busque un error de escritura: la dirección es smb://USUARIO@SERVIDOR/RECURSO/CARPETA.
share-no-guests = { $server } no deja entrar a nadie en { $share } sin un usuario
share-no-guests-advice = Escriba el usuario en la dirección: smb://USUARIO@{ $server }/{ $share }.
share-not-let-in = { $server } no deja entrar a { $user } en { $share }: la contraseña no es correcta, o este usuario no tiene permiso
share-not-let-in-advice = Un dominio va delante del usuario: smb://DOMINIO;USUARIO@SERVIDOR/RECURSO. La contraseña se pregunta; donde no hay nadie, use --password-file ARCHIVO, --credentials ARCHIVO o la variable CALCO_PASSWORD.
share-no-password = Falta la contraseña de { $user } en { $server }, y no hay nadie a quien preguntar
