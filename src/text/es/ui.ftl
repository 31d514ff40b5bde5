ui-stage-survey = Examinando el disco
ui-stage-save = Guardando
ui-stage-verify = Verificando
ui-stage-precheck = Comprobando la imagen
ui-stage-restore = Restaurando
ui-stage-verify-target = Verificando el destino
