<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en">
 <context>
  <name>LandmarkDetection</name>
  <message>
   <source>Landmark Detection</source>
   <translation>Landmarken-Erkennung</translation>
  </message>
  <message>
   <source>Finds anatomical landmarks in 2D medical images with a MONAI Label server, lets you correct them, and trains the network with your corrections. Start the server with the landmarks app, press Connect, Next Sample and Auto-detect, drag what is wrong, and press Submit Label. Not a medical device.</source>
   <translation>Findet anatomische Landmarken in medizinischen 2D-Bildern mit einem MONAI-Label-Server, lässt Sie diese korrigieren und trainiert das Netz mit Ihren Korrekturen. Starten Sie den Server mit der App landmarks, drücken Sie Verbinden, Nächstes Bild und Erkennen, ziehen Sie zurecht, was falsch liegt, und drücken Sie Absenden. Kein Medizinprodukt.</translation>
  </message>
  <message>
   <source>Works with a server of MONAI Label (https://monai.io).</source>
   <translation>Arbeitet mit einem Server von MONAI Label (https://monai.io).</translation>
  </message>
  <message>
   <source>Landmarks of a DICOM structured report</source>
   <translation>Landmarken eines strukturierten DICOM-Berichts</translation>
  </message>
  <message>
   <source>Kind of the message</source>
   <translation>Art der Meldung</translation>
  </message>
  <message>
   <source>Retr&amp;y</source>
   <translation>Wiederh&amp;olen</translation>
  </message>
  <message>
   <source>Do it again</source>
   <translation>Noch einmal tun</translation>
  </message>
  <message>
   <source>Cance&amp;l</source>
   <translation>Abb&amp;rechen</translation>
  </message>
  <message>
   <source>Stop the request to the server</source>
   <translation>Die Anfrage an den Server beenden</translation>
  </message>
  <message>
   <source>A request is going on</source>
   <translation>Eine Anfrage läuft</translation>
  </message>
  <message>
   <source>Warning</source>
   <translation>Warnung</translation>
  </message>
  <message>
   <source>Send Agai&amp;n</source>
   <translation>Erneut &amp;senden</translation>
  </message>
  <message>
   <source>Send the labels that are not on the server yet</source>
   <translation>Beschriftungen senden, die noch nicht auf dem Server sind</translation>
  </message>
  <message>
   <source>&amp;Auto-detect</source>
   <translation>Er&amp;kennen</translation>
  </message>
  <message>
   <source>Let the network find the landmarks of the open image</source>
   <translation>Das Netz findet die Landmarken des geöffneten Bildes</translation>
  </message>
  <message>
   <source>&amp;Submit Label</source>
   <translation>&amp;Absenden</translation>
  </message>
  <message>
   <source>Send the label; it is finished and trains the next network</source>
   <translation>Die Beschriftung senden; sie ist fertig und trainiert das nächste Netz</translation>
  </message>
  <message>
   <source>All &amp;Right</source>
   <translation>Alles richt&amp;ig</translation>
  </message>
  <message>
   <source>Accept all predictions and submit</source>
   <translation>Alle Vorhersagen bestätigen und absenden</translation>
  </message>
  <message>
   <source>Next Sa&amp;mple</source>
   <translation>Nä&amp;chstes Bild</translation>
  </message>
  <message>
   <source>Open the image that should be labelled next</source>
   <translation>Das Bild öffnen, das als nächstes beschriftet werden soll</translation>
  </message>
  <message>
   <source>Sections of the panel</source>
   <translation>Abschnitte des Bedienfelds</translation>
  </message>
  <message>
   <source>Server</source>
   <translation>Server</translation>
  </message>
  <message>
   <source>Address:</source>
   <translation>Adresse:</translation>
  </message>
  <message>
   <source>Address of a MONAI Label server that runs the landmarks app, for example http://127.0.0.1:8000</source>
   <translation>Adresse eines MONAI-Label-Servers, der die App landmarks ausführt, zum Beispiel http://127.0.0.1:8000</translation>
  </message>
  <message>
   <source>C&amp;onnect</source>
   <translation>Verbin&amp;den</translation>
  </message>
  <message>
   <source>Connect to this server</source>
   <translation>Mit diesem Server verbinden</translation>
  </message>
  <message>
   <source>Annotator:</source>
   <translation>Beschrifter:</translation>
  </message>
  <message>
   <source>Name of the annotator; stored with each label</source>
   <translation>Name der beschriftenden Person; wird mit jeder Beschriftung gespeichert</translation>
  </message>
  <message>
   <source>Your name</source>
   <translation>Ihr Name</translation>
  </message>
  <message>
   <source>Access token:</source>
   <translation>Zugangstoken:</translation>
  </message>
  <message>
   <source>Only where the server asks for one; it is kept until Slicer closes and never stored</source>
   <translation>Nur wo der Server eines verlangt; es wird bis zum Ende von Slicer behalten und nie gespeichert</translation>
  </message>
  <message>
   <source>Only where the server asks for one</source>
   <translation>Nur wo der Server eines verlangt</translation>
  </message>
  <message>
   <source>Status:</source>
   <translation>Zustand:</translation>
  </message>
  <message>
   <source>State of the connection</source>
   <translation>Zustand der Verbindung</translation>
  </message>
  <message>
   <source>Not connected</source>
   <translation>Nicht verbunden</translation>
  </message>
  <message>
   <source>Study</source>
   <translation>Studie</translation>
  </message>
  <message>
   <source>Next sample by</source>
   <translation>Nächstes Bild nach</translation>
  </message>
  <message>
   <source>How the next image is chosen</source>
   <translation>Wie das nächste Bild gewählt wird</translation>
  </message>
  <message>
   <source>Detect when an image opens</source>
   <translation>Beim Öffnen erkennen</translation>
  </message>
  <message>
   <source>Detect automatically in each image without a label</source>
   <translation>In jedem Bild ohne Beschriftung automatisch erkennen</translation>
  </message>
  <message>
   <source>Next image after submit</source>
   <translation>Nach dem Absenden weiter</translation>
  </message>
  <message>
   <source>Open the next sample automatically after a submit</source>
   <translation>Nach dem Absenden automatisch das nächste Bild öffnen</translation>
  </message>
  <message>
   <source>Search images</source>
   <translation>Bilder suchen</translation>
  </message>
  <message>
   <source>Which images are listed</source>
   <translation>Welche Bilder aufgeführt sind</translation>
  </message>
  <message>
   <source>Refresh</source>
   <translation>Auffrischen</translation>
  </message>
  <message>
   <source>Ask the server for its images again</source>
   <translation>Den Server erneut nach seinen Bildern fragen</translation>
  </message>
  <message>
   <source>Images of the study</source>
   <translation>Bilder der Studie</translation>
  </message>
  <message>
   <source>Double-click opens an image, also one that is labelled</source>
   <translation>Ein Doppelklick öffnet ein Bild, auch ein beschriftetes</translation>
  </message>
  <message>
   <source>Image</source>
   <translation>Bild</translation>
  </message>
  <message>
   <source>State</source>
   <translation>Zustand</translation>
  </message>
  <message>
   <source>Labelled by</source>
   <translation>Beschriftet von</translation>
  </message>
  <message>
   <source>Open Ima&amp;ge</source>
   <translation>Bild &amp;öffnen</translation>
  </message>
  <message>
   <source>Open the selected image with its label</source>
   <translation>Das gewählte Bild mit seiner Beschriftung öffnen</translation>
  </message>
  <message>
   <source>Loaded volume:</source>
   <translation>Geladenes Bild:</translation>
  </message>
  <message>
   <source>Loaded volume</source>
   <translation>Geladenes Bild</translation>
  </message>
  <message>
   <source>A 2D image that is open in Slicer already</source>
   <translation>Ein 2D-Bild, das in Slicer schon geöffnet ist</translation>
  </message>
  <message>
   <source>&amp;Upload...</source>
   <translation>Hochladen ...</translation>
  </message>
  <message>
   <source>Add this image to the server's study and open it; asks first</source>
   <translation>Dieses Bild der Studie des Servers hinzufügen und öffnen; fragt vorher</translation>
  </message>
  <message>
   <source>Detect All Unla&amp;belled</source>
   <translation>Alle offe&amp;nen erkennen</translation>
  </message>
  <message>
   <source>Let the network propose landmarks for every image that nobody has labelled</source>
   <translation>Das Netz schlägt Landmarken für jedes Bild vor, das niemand beschriftet hat</translation>
  </message>
  <message>
   <source>Images that were detected</source>
   <translation>Erkannte Bilder</translation>
  </message>
  <message>
   <source>%v of %m images</source>
   <translation>%v von %m Bildern</translation>
  </message>
  <message>
   <source>Stop</source>
   <translation>Anhalten</translation>
  </message>
  <message>
   <source>Stop; the proposals made so far are kept</source>
   <translation>Anhalten; bisherige Vorschläge bleiben erhalten</translation>
  </message>
  <message>
   <source>Landmarks</source>
   <translation>Landmarken</translation>
  </message>
  <message>
   <source>Protocol:</source>
   <translation>Protokoll:</translation>
  </message>
  <message>
   <source>Which landmarks to work on</source>
   <translation>Welche Landmarken bearbeitet werden</translation>
  </message>
  <message>
   <source>Click shows a landmark in the slice view</source>
   <translation>Ein Klick zeigt eine Landmarke in der Schichtansicht</translation>
  </message>
  <message>
   <source>Landmark</source>
   <translation>Landmarke</translation>
  </message>
  <message>
   <source>Status</source>
   <translation>Zustand</translation>
  </message>
  <message>
   <source>Confidence</source>
   <translation>Sicherheit</translation>
  </message>
  <message>
   <source>Moved</source>
   <translation>Verschoben</translation>
  </message>
  <message>
   <source>Previous</source>
   <translation>Vorige</translation>
  </message>
  <message>
   <source>Go to the landmark above</source>
   <translation>Zur Landmarke darüber</translation>
  </message>
  <message>
   <source>Next</source>
   <translation>Nächste</translation>
  </message>
  <message>
   <source>Go to the landmark below</source>
   <translation>Zur Landmarke darunter</translation>
  </message>
  <message>
   <source>Place</source>
   <translation>Setzen</translation>
  </message>
  <message>
   <source>Place this landmark by a click in the slice view</source>
   <translation>Diese Landmarke durch einen Klick in der Schichtansicht setzen</translation>
  </message>
  <message>
   <source>Missing</source>
   <translation>Fehlt</translation>
  </message>
  <message>
   <source>This landmark is not in the image</source>
   <translation>Diese Landmarke ist nicht im Bild</translation>
  </message>
  <message>
   <source>Accept</source>
   <translation>Bestätigen</translation>
  </message>
  <message>
   <source>Accept the prediction of this landmark</source>
   <translation>Die Vorhersage dieser Landmarke bestätigen</translation>
  </message>
  <message>
   <source>Clear</source>
   <translation>Leeren</translation>
  </message>
  <message>
   <source>Clear this landmark: it becomes unlabelled</source>
   <translation>Diese Landmarke leeren: Sie ist dann unbeschriftet</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>Rückgängig</translation>
  </message>
  <message>
   <source>Undo the last step</source>
   <translation>Den letzten Schritt rückgängig machen</translation>
  </message>
  <message>
   <source>Redo</source>
   <translation>Nochmals</translation>
  </message>
  <message>
   <source>Accept All</source>
   <translation>Alle bestätigen</translation>
  </message>
  <message>
   <source>Accept all predictions that nobody changed</source>
   <translation>Alle unveränderten Vorhersagen bestätigen</translation>
  </message>
  <message>
   <source>Clear All</source>
   <translation>Alle leeren</translation>
  </message>
  <message>
   <source>Clear all landmarks; Undo restores them</source>
   <translation>Alle Landmarken leeren; Rückgängig stellt sie wieder her</translation>
  </message>
  <message>
   <source>Fit</source>
   <translation>Einpassen</translation>
  </message>
  <message>
   <source>Show the whole image again</source>
   <translation>Wieder das ganze Bild zeigen</translation>
  </message>
  <message>
   <source>Save &amp;Draft</source>
   <translation>Ent&amp;wurf speichern</translation>
  </message>
  <message>
   <source>Save unfinished work on the server; it is not used for training</source>
   <translation>Unfertige Arbeit auf dem Server speichern; sie wird nicht zum Training verwendet</translation>
  </message>
  <message>
   <source>Reset to Predi&amp;ction</source>
   <translation>Auf Vorhersage &amp;zurück</translation>
  </message>
  <message>
   <source>Reset all landmarks to the prediction</source>
   <translation>Alle Landmarken auf die Vorhersage zurücksetzen</translation>
  </message>
  <message>
   <source>Earl&amp;ier...</source>
   <translation>Fr&amp;ühere ...</translation>
  </message>
  <message>
   <source>Earlier versions of this label: choose one and put it back</source>
   <translation>Frühere Fassungen dieser Beschriftung: eine wählen und zurückholen</translation>
  </message>
  <message>
   <source>Training</source>
   <translation>Training</translation>
  </message>
  <message>
   <source>&amp;Train</source>
   <translation>&amp;Trainieren</translation>
  </message>
  <message>
   <source>Train a new network on all finished labels of this protocol</source>
   <translation>Ein neues Netz mit allen fertigen Beschriftungen dieses Protokolls trainieren</translation>
  </message>
  <message>
   <source>Sto&amp;p</source>
   <translation>Anha&amp;lten</translation>
  </message>
  <message>
   <source>Stop the training; the network in use stays</source>
   <translation>Das Training anhalten; das Netz in Gebrauch bleibt</translation>
  </message>
  <message>
   <source>Epochs:</source>
   <translation>Epochen:</translation>
  </message>
  <message>
   <source>automatic</source>
   <translation>automatisch</translation>
  </message>
  <message>
   <source>Number of passes through the labels; automatic depends on their number</source>
   <translation>Zahl der Durchläufe durch die Beschriftungen; automatisch richtet sich nach ihrer Zahl</translation>
  </message>
  <message>
   <source>Progress of the training</source>
   <translation>Fortschritt des Trainings</translation>
  </message>
  <message>
   <source>%v of %m epochs</source>
   <translation>%v von %m Epochen</translation>
  </message>
  <message>
   <source>Chart of the training</source>
   <translation>Diagramm des Trainings</translation>
  </message>
  <message>
   <source>Calibration</source>
   <translation>Kalibrierung</translation>
  </message>
  <message>
   <source>Measurements</source>
   <translation>Messungen</translation>
  </message>
  <message>
   <source>Measurement</source>
   <translation>Messung</translation>
  </message>
  <message>
   <source>Value</source>
   <translation>Wert</translation>
  </message>
  <message>
   <source>Show lines in the slice view</source>
   <translation>Linien in der Schichtansicht zeigen</translation>
  </message>
 </context>
 <context>
  <name>panel.background</name>
  <message>
   <source>{what} failed inside the module ({kind}); the error log has the details.</source>
   <translation>{what} ist im Modul gescheitert ({kind}); Näheres steht im Fehlerprotokoll.</translation>
  </message>
 </context>
 <context>
  <name>panel.batch_box</name>
  <message>
   <source>Every unlabelled image has its proposal of network {version} already.</source>
   <translation>Jedes unbeschriftete Bild hat schon seinen Vorschlag von Netz {version}.</translation>
  </message>
  <message>
   <source>Detecting {count} images in the background; you can continue labelling.</source>
   <translation>{count} Bilder werden im Hintergrund erkannt; beschriften Sie ruhig weiter.</translation>
  </message>
  <message>
   <source>{count} images have a proposal now; open one to correct it.</source>
   <translation>{count} Bilder haben jetzt einen Vorschlag; öffnen Sie eines, um ihn zu korrigieren.</translation>
  </message>
  <message>
   <source>Stopped: {count} of {total} images have a proposal now.</source>
   <translation>Angehalten: {count} von {total} Bildern haben jetzt einen Vorschlag.</translation>
  </message>
  <message>
   <source>{count} of {total} images have a proposal now; the others failed: {reason}</source>
   <translation>{count} von {total} Bildern haben jetzt einen Vorschlag; die anderen sind gescheitert: {reason}</translation>
  </message>
 </context>
 <context>
  <name>panel.calibration_box</name>
  <message>
   <source>Any known length</source>
   <translation>Beliebige bekannte Länge</translation>
  </message>
  <message>
   <source>Ruler</source>
   <translation>Lineal</translation>
  </message>
  <message>
   <source>Sticker (19 mm)</source>
   <translation>Aufkleber (19 mm)</translation>
  </message>
  <message>
   <source>Iris, side to side (11.7 mm, estimate)</source>
   <translation>Iris, von Seite zu Seite (11,7 mm, Schätzung)</translation>
  </message>
  <message>
   <source>against the file</source>
   <translation>entgegen der Datei</translation>
  </message>
  <message>
   <source>Table</source>
   <translation>Tabelle</translation>
  </message>
  <message>
   <source>Draw Line</source>
   <translation>Linie zeichnen</translation>
  </message>
  <message>
   <source>Set</source>
   <translation>Setzen</translation>
  </message>
  <message>
   <source>Undo</source>
   <translation>Rückgängig</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>Entfernen</translation>
  </message>
  <message>
   <source>What the line lies along</source>
   <translation>Woran die Linie liegt</translation>
  </message>
  <message>
   <source>Length of the line in millimetres</source>
   <translation>Länge der Linie in Millimetern</translation>
  </message>
  <message>
   <source>Two clicks in the slice view; its ends can be dragged afterwards</source>
   <translation>Zwei Klicks in der Schichtansicht; die Enden lassen sich danach ziehen</translation>
  </message>
  <message>
   <source>mm</source>
   <translation>mm</translation>
  </message>
  <message>
   <source>Keep this pixel size with the image on the server</source>
   <translation>Diese Pixelgröße mit dem Bild auf dem Server aufbewahren</translation>
  </message>
  <message>
   <source>Undo the last calibration of this image</source>
   <translation>Die letzte Kalibrierung dieses Bildes rückgängig machen</translation>
  </message>
  <message>
   <source>Remove the stated pixel size: only the image file counts then</source>
   <translation>Die angegebene Pixelgröße entfernen: dann gilt nur die Bilddatei</translation>
  </message>
  <message>
   <source>Draw the line first: two clicks in the slice view.</source>
   <translation>Zuerst die Linie zeichnen: zwei Klicks in der Schichtansicht.</translation>
  </message>
  <message>
   <source>Calibrating {image}</source>
   <translation>{image} wird kalibriert</translation>
  </message>
  <message>
   <source>Taking the calibration of {image} back</source>
   <translation>Die Kalibrierung von {image} wird zurückgenommen</translation>
  </message>
  <message>
   <source>Removing the calibration of {image}</source>
   <translation>Die Kalibrierung von {image} wird entfernt</translation>
  </message>
  <message>
   <source>{pixels:.1f} px</source>
   <translation>{pixels:.1f} px</translation>
  </message>
  <message>
   <source>Open an image first.</source>
   <translation>Öffnen Sie zuerst ein Bild.</translation>
  </message>
  <message>
   <source>Lengths are in pixels.</source>
   <translation>Längen sind in Pixeln.</translation>
  </message>
  <message>
   <source>Lengths are in pixels: the pixel size is neither in the file nor stated by a person.</source>
   <translation>Längen sind in Pixeln: Die Pixelgröße steht weder in der Datei noch hat eine Person sie angegeben.</translation>
  </message>
  <message>
   <source>Source: the image file ({source}).</source>
   <translation>Quelle: die Bilddatei ({source}).</translation>
  </message>
  <message>
   <source>somebody</source>
   <translation>jemandem</translation>
  </message>
  <message>
   <source>Stated by {who} on {when} ({how}).</source>
   <translation>Angegeben von {who} am {when} ({how}).</translation>
  </message>
  <message>
   <source>An estimate: adults' irises differ by 4 % or more.</source>
   <translation>Eine Schätzung: die Iris Erwachsener unterscheidet sich um 4 % oder mehr.</translation>
  </message>
  <message>
   <source>The file says {x:g} x {y:g} mm, which is overruled.</source>
   <translation>Die Datei sagt {x:g} x {y:g} mm, was übergangen wird.</translation>
  </message>
  <message>
   <source>A pixel has {x:.4g} x {y:.4g} mm.</source>
   <translation>Ein Pixel hat {x:.4g} x {y:.4g} mm.</translation>
  </message>
  <message>
   <source>The file of {image} says that a pixel has {x:g} x {y:g} mm. Overrule it?</source>
   <translation>Nach der Datei von {image} hat ein Pixel {x:g} x {y:g} mm. Soll das übergangen werden?</translation>
  </message>
  <message>
   <source>Every length on this image then rests on your line instead, also in what others see.</source>
   <translation>Jede Länge auf diesem Bild beruht dann auf Ihrer Linie, auch in dem, was andere sehen.</translation>
  </message>
 </context>
 <context>
  <name>panel.dialogs</name>
  <message>
   <source>Save Draft</source>
   <translation>Entwurf speichern</translation>
  </message>
  <message>
   <source>Keep Unsent</source>
   <translation>Ungesendet behalten</translation>
  </message>
  <message>
   <source>Discard</source>
   <translation>Verwerfen</translation>
  </message>
  <message>
   <source>Submit Label</source>
   <translation>Absenden</translation>
  </message>
  <message>
   <source>Replace Theirs</source>
   <translation>Fremdes ersetzen</translation>
  </message>
  <message>
   <source>Show Them</source>
   <translation>Zeigen</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Upload</source>
   <translation>Hochladen</translation>
  </message>
  <message>
   <source>Upload without Millimetres</source>
   <translation>Ohne Millimeter hochladen</translation>
  </message>
  <message>
   <source>Overrule</source>
   <translation>Übergehen</translation>
  </message>
  <message>
   <source>Landmark Detection</source>
   <translation>Landmarken-Erkennung</translation>
  </message>
 </context>
 <context>
  <name>panel.landmark_picture</name>
  <message>
   <source>Example of {landmark}</source>
   <translation>Beispiel für {landmark}</translation>
  </message>
 </context>
 <context>
  <name>panel.landmark_table</name>
  <message>
   <source>predicted</source>
   <translation>vorhergesagt</translation>
  </message>
  <message>
   <source>accepted</source>
   <translation>bestätigt</translation>
  </message>
  <message>
   <source>corrected</source>
   <translation>korrigiert</translation>
  </message>
  <message>
   <source>placed</source>
   <translation>gesetzt</translation>
  </message>
  <message>
   <source>missing</source>
   <translation>fehlt</translation>
  </message>
  <message>
   <source>missing?</source>
   <translation>fehlt?</translation>
  </message>
  <message>
   <source>unlabelled</source>
   <translation>offen</translation>
  </message>
  <message>
   <source>The network predicts that it is not in the image.</source>
   <translation>Nach der Vorhersage des Netzes ist sie nicht im Bild.</translation>
  </message>
  <message>
   <source>Click in the slice view: {landmark}</source>
   <translation>Klicken Sie in der Schichtansicht: {landmark}</translation>
  </message>
  <message>
   <source>This protocol gives no definition.</source>
   <translation>Dieses Protokoll gibt keine Definition.</translation>
  </message>
  <message>
   <source>It may be left out.</source>
   <translation>Sie darf fehlen.</translation>
  </message>
  <message>
   <source>Confidence of the network, from 0 to 1.</source>
   <translation>Sicherheit des Netzes, von 0 bis 1.</translation>
  </message>
  <message>
   <source>The true place lies within {distance} of it in {percent} of images like those of the training.</source>
   <translation>Der wahre Ort liegt in {percent} der Bilder, die denen des Trainings gleichen, höchstens {distance} davon entfernt.</translation>
  </message>
 </context>
 <context>
  <name>panel.measurements_box</name>
  <message>
   <source>In pixels: the pixel size is unknown.</source>
   <translation>In Pixeln: Die Pixelgröße ist nicht bekannt.</translation>
  </message>
  <message>
   <source>Table in Scene</source>
   <translation>Tabelle in der Szene</translation>
  </message>
  <message>
   <source>Save CSV...</source>
   <translation>CSV sichern...</translation>
  </message>
  <message>
   <source>Save Study...</source>
   <translation>Studie sichern...</translation>
  </message>
  <message>
   <source>Keep these values as a table of the scene; it follows the points</source>
   <translation>Diese Werte als Tabelle der Szene behalten; sie folgt den Punkten</translation>
  </message>
  <message>
   <source>Write these values to a file, also of points that were not submitted</source>
   <translation>Diese Werte in eine Datei schreiben, auch von Punkten, die nicht abgeschickt sind</translation>
  </message>
  <message>
   <source>Write the values of all final labels of this protocol on the server to a file</source>
   <translation>Die Werte aller fertigen Labels dieses Protokolls auf dem Server in eine Datei schreiben</translation>
  </message>
  <message>
   <source>The measurements are in the scene as the table {name}.</source>
   <translation>Die Messwerte sind als Tabelle {name} in der Szene.</translation>
  </message>
  <message>
   <source>Fetching the measurements of the study</source>
   <translation>Die Messwerte der Studie werden geholt</translation>
  </message>
  <message>
   <source>{path} cannot be written: {reason}.</source>
   <translation>{path} kann nicht geschrieben werden: {reason}.</translation>
  </message>
  <message>
   <source>{count} measurements are in {path}.</source>
   <translation>{count} Messwerte stehen in {path}.</translation>
  </message>
  <message>
   <source>Save Measurements</source>
   <translation>Messwerte sichern</translation>
  </message>
  <message>
   <source>CSV files (*.csv)</source>
   <translation>CSV-Dateien (*.csv)</translation>
  </message>
 </context>
 <context>
  <name>panel.panel</name>
  <message>
   <source>{what}...</source>
   <translation>{what} ...</translation>
  </message>
  <message>
   <source>Retr&amp;y</source>
   <translation>Wiederh&amp;olen</translation>
  </message>
  <message>
   <source>Connect to a server to begin.</source>
   <translation>Verbinden Sie sich zu Beginn mit einem Server.</translation>
  </message>
  <message>
   <source>Open an image: press Next Sample, or double-click one in the list.</source>
   <translation>Öffnen Sie ein Bild: mit Nächstes Bild oder durch Doppelklick in der Liste.</translation>
  </message>
  <message>
   <source>{image} is open.</source>
   <translation>{image} ist geöffnet.</translation>
  </message>
  <message>
   <source>Its image was removed from the scene, or cut, before it was submitted.</source>
   <translation>Das Bild wurde vor dem Absenden aus der Szene entfernt oder zugeschnitten.</translation>
  </message>
  <message>
   <source>The image was removed from the scene, or its size changed; your changes are kept.</source>
   <translation>Das Bild wurde aus der Szene entfernt, oder seine Größe hat sich geändert; Ihre Änderungen bleiben erhalten.</translation>
  </message>
  <message>
   <source>The deleted landmarks were restored; use Clear for a single one.</source>
   <translation>Die gelöschten Landmarken wurden wiederhergestellt; für eine einzelne gibt es Leeren.</translation>
  </message>
  <message>
   <source>The scene was closed; your changes are kept.</source>
   <translation>Die Szene wurde geschlossen; Ihre Änderungen bleiben erhalten.</translation>
  </message>
  <message>
   <source>The image of the saved scene could not be read.</source>
   <translation>Das Bild der gespeicherten Szene konnte nicht gelesen werden.</translation>
  </message>
 </context>
 <context>
  <name>panel.pictures</name>
  <message>
   <source>validation error ({unit})</source>
   <translation>Validierungsfehler ({unit})</translation>
  </message>
  <message>
   <source>validation error</source>
   <translation>Validierungsfehler</translation>
  </message>
  <message>
   <source>loss</source>
   <translation>Verlust</translation>
  </message>
  <message>
   <source>epoch</source>
   <translation>Epoche</translation>
  </message>
 </context>
 <context>
  <name>panel.server_box</name>
  <message>
   <source>Cancelled.</source>
   <translation>Abgebrochen.</translation>
  </message>
  <message>
   <source>Connecting to {server}</source>
   <translation>Verbindung mit {server}</translation>
  </message>
  <message>
   <source>Asking the server</source>
   <translation>Der Server wird gefragt</translation>
  </message>
  <message>
   <source>Rec&amp;onnect</source>
   <translation>Neu verbin&amp;den</translation>
  </message>
  <message>
   <source>C&amp;onnect</source>
   <translation>Verbin&amp;den</translation>
  </message>
  <message>
   <source>Not connected</source>
   <translation>Nicht verbunden</translation>
  </message>
  <message>
   <source>{server} does not answer</source>
   <translation>{server} antwortet nicht</translation>
  </message>
  <message>
   <source>Each image has {count} readers: enter your name</source>
   <translation>Jedes Bild hat {count} Auswertende: Namen eingeben</translation>
  </message>
  <message>
   <source>Connected to {name}, labelling as {who}, one of {count} readers</source>
   <translation>Mit {name} verbunden, als {who}, eine Person von {count} Auswertenden</translation>
  </message>
  <message>
   <source>Connected to {name}, labelling as {who}</source>
   <translation>Verbunden mit {name}, Beschriftung durch {who}</translation>
  </message>
  <message>
   <source>Connected to {name}, labelling without a name</source>
   <translation>Verbunden mit {name}, Beschriftung ohne Namen</translation>
  </message>
  <message>
   <source>The name was changed before it was submitted.</source>
   <translation>Der Name wurde geändert, bevor gesendet wurde.</translation>
  </message>
  <message>
   <source>Connected, but the access token goes over the network unencrypted: use https.</source>
   <translation>Verbunden, aber das Zugangstoken geht unverschlüsselt durch das Netzwerk: Verwenden Sie https.</translation>
  </message>
  <message>
   <source>Connected; there is work that the server does not have: press Send Again.</source>
   <translation>Verbunden; es gibt Arbeit, die der Server nicht hat: Drücken Sie Erneut senden.</translation>
  </message>
  <message>
   <source>Connected to {server}.</source>
   <translation>Verbunden mit {server}.</translation>
  </message>
 </context>
 <context>
  <name>panel.study_box</name>
  <message>
   <source>unlabelled</source>
   <translation>offen</translation>
  </message>
  <message>
   <source>draft</source>
   <translation>Entwurf</translation>
  </message>
  <message>
   <source>final</source>
   <translation>fertig</translation>
  </message>
  <message>
   <source>All</source>
   <translation>Alle</translation>
  </message>
  <message>
   <source>Connect to a server first.</source>
   <translation>Verbinden Sie sich zuerst mit einem Server.</translation>
  </message>
  <message>
   <source>There is no image left to label.</source>
   <translation>Es ist kein Bild mehr zu beschriften.</translation>
  </message>
  <message>
   <source>Fetching the next sample</source>
   <translation>Das nächste Bild wird geholt</translation>
  </message>
  <message>
   <source>Opening {image}</source>
   <translation>{image} wird geöffnet</translation>
  </message>
  <message>
   <source>{image} is open as you left it; it is not sent yet.</source>
   <translation>{image} ist geöffnet, wie Sie es verlassen haben; gesendet ist es noch nicht.</translation>
  </message>
  <message>
   <source>Unsent points of {image} were placed on an image of another size: they are kept, not shown.</source>
   <translation>Nicht gesendete Punkte von {image} wurden auf einem Bild anderer Größe gesetzt: Sie bleiben erhalten, werden aber nicht gezeigt.</translation>
  </message>
  <message>
   <source>Unsent points of {image} were placed on the image that it was before: they are kept.</source>
   <translation>Ungesendete Punkte auf {image} gehören zu dem Bild, das vorher dort lag: sie sind aufgehoben.</translation>
  </message>
  <message>
   <source>Choose a loaded volume first.</source>
   <translation>Wählen Sie zuerst ein geladenes Bild.</translation>
  </message>
  <message>
   <source>Send the image {name} to {server}?</source>
   <translation>Das Bild {name} an {server} senden?</translation>
  </message>
  <message>
   <source>The file leaves Slicer with all that it holds, also names and dates inside it.</source>
   <translation>Die Datei verlässt Slicer mit allem, was sie enthält, auch mit Namen und Daten darin.</translation>
  </message>
  <message>
   <source>Slicer states pixels of {x:.4g} x {y:.4g} mm, which the server takes for their real size; of a photograph, also a changed one, it is not.</source>
   <translation>Slicer nennt Pixel von {x:.4g} x {y:.4g} mm, was der Server für ihre wirkliche Größe hält; bei einer Fotografie, auch einer veränderten, ist sie es nicht.</translation>
  </message>
  <message>
   <source>Uploading {name}</source>
   <translation>{name} wird hochgeladen</translation>
  </message>
  <message>
   <source>{images} images: {final} final, {draft} draft, {unlabelled} unlabelled</source>
   <translation>{images} Bilder: {final} fertig, {draft} im Entwurf, {unlabelled} offen</translation>
  </message>
  <message>
   <source>Worth a second look:</source>
   <translation>Einen zweiten Blick wert:</translation>
  </message>
 </context>
 <context>
  <name>panel.submit_bar</name>
  <message>
   <source>Auto-detecting {image}</source>
   <translation>{image} wird erkannt</translation>
  </message>
  <message>
   <source>The prediction for {image} came after it was closed.</source>
   <translation>Die Vorhersage für {image} kam erst, als es geschlossen war.</translation>
  </message>
  <message>
   <source>Network {version} found {found} of {count} landmarks in {image}.</source>
   <translation>Netz {version} hat {found} von {count} Landmarken in {image} gefunden.</translation>
  </message>
  <message>
   <source>{found} of {count} landmarks are proposed in {image}. {message}</source>
   <translation>{found} von {count} Landmarken sind in {image} vorgeschlagen. {message}</translation>
  </message>
  <message>
   <source>Submit All the Same</source>
   <translation>Trotzdem absenden</translation>
  </message>
  <message>
   <source>Connect to a server first; your points stay in the scene.</source>
   <translation>Verbinden Sie sich zuerst mit einem Server; Ihre Punkte bleiben in der Szene.</translation>
  </message>
  <message>
   <source>A label is on its way: wait until it is sent.</source>
   <translation>Eine Beschriftung wird gerade gesendet: warten, bis sie angekommen ist.</translation>
  </message>
  <message>
   <source>{image} is submitted.</source>
   <translation>{image} ist abgesendet.</translation>
  </message>
  <message>
   <source>{image} is saved as a draft.</source>
   <translation>{image} ist als Entwurf gespeichert.</translation>
  </message>
  <message>
   <source>Cancelled; the points are kept.</source>
   <translation>Abgebrochen; die Punkte bleiben erhalten.</translation>
  </message>
  <message>
   <source>Submitting {image}</source>
   <translation>{image} wird abgesendet</translation>
  </message>
  <message>
   <source>Saving a draft of {image}</source>
   <translation>Ein Entwurf von {image} wird gespeichert</translation>
  </message>
  <message>
   <source>If yours replaces it, theirs stays among the earlier versions of the image.</source>
   <translation>Wenn Ihr Label es ersetzt, bleibt das fremde unter den früheren Versionen des Bildes.</translation>
  </message>
  <message>
   <source>All landmarks are as predicted; Undo brings yours back.</source>
   <translation>Alle Landmarken sind wie vorhergesagt; Rückgängig bringt Ihre zurück.</translation>
  </message>
  <message>
   <source>There is no prediction yet: press Auto-detect.</source>
   <translation>Es gibt noch keine Vorhersage: Drücken Sie Erkennen.</translation>
  </message>
  <message>
   <source>Detecting...</source>
   <translation>Erkennt ...</translation>
  </message>
  <message>
   <source>&amp;Auto-detect</source>
   <translation>Er&amp;kennen</translation>
  </message>
  <message>
   <source>Let the network find the landmarks of the open image</source>
   <translation>Das Netz findet die Landmarken des geöffneten Bildes</translation>
  </message>
  <message>
   <source>Sending...</source>
   <translation>Sendet ...</translation>
  </message>
  <message>
   <source>&amp;Submit Label</source>
   <translation>&amp;Absenden</translation>
  </message>
  <message>
   <source>Not on the server yet: {images}</source>
   <translation>Noch nicht auf dem Server: {images}</translation>
  </message>
  <message>
   <source>Connect to {servers} to send what came from there</source>
   <translation>Mit {servers} verbinden, um zu senden, was von dort kam</translation>
  </message>
  <message>
   <source>Send the labels that are not on the server yet</source>
   <translation>Beschriftungen senden, die noch nicht auf dem Server sind</translation>
  </message>
  <message>
   <source>No network yet: label images, then train one.</source>
   <translation>Noch kein Netz: Beschriften Sie Bilder, dann trainieren Sie eines.</translation>
  </message>
  <message>
   <source>Shown: prediction of {shown}. Network {version} is ready: press Auto-detect.</source>
   <translation>Gezeigt: Vorhersage von {shown}. Netz {version} ist bereit: Drücken Sie Erkennen.</translation>
  </message>
  <message>
   <source>Network {version}</source>
   <translation>Netz {version}</translation>
  </message>
 </context>
 <context>
  <name>panel.training_box</name>
  <message>
   <source>Connect to a server first.</source>
   <translation>Verbinden Sie sich zuerst mit einem Server.</translation>
  </message>
  <message>
   <source>Training of {protocol} has started; you can continue labelling.</source>
   <translation>Das Training von {protocol} hat begonnen; beschriften Sie derweil weiter.</translation>
  </message>
  <message>
   <source>Starting the training</source>
   <translation>Das Training wird begonnen</translation>
  </message>
  <message>
   <source>Stopping the training</source>
   <translation>Das Training wird angehalten</translation>
  </message>
  <message>
   <source>Training has ended: {status}.</source>
   <translation>Das Training ist zu Ende: {status}.</translation>
  </message>
  <message>
   <source>There is no network for this protocol yet.</source>
   <translation>Für dieses Protokoll gibt es noch kein Netz.</translation>
  </message>
  <message>
   <source>In use: network {version}</source>
   <translation>In Gebrauch: Netz {version}</translation>
  </message>
  <message>
   <source>trained on {count} labels</source>
   <translation>trainiert mit {count} Beschriftungen</translation>
  </message>
  <message>
   <source>error {error:.2f} {unit} when it was published</source>
   <translation>Fehler {error:.2f} {unit} bei der Veröffentlichung</translation>
  </message>
  <message>
   <source>This server does not train.</source>
   <translation>Dieser Server trainiert nicht.</translation>
  </message>
  <message>
   <source>Not trained on this server yet.</source>
   <translation>Auf diesem Server noch nicht trainiert.</translation>
  </message>
  <message>
   <source>The training is being prepared...</source>
   <translation>Das Training wird vorbereitet ...</translation>
  </message>
  <message>
   <source>Loss {loss:.4g}</source>
   <translation>Verlust {loss:.4g}</translation>
  </message>
  <message>
   <source>error now {error:.2f} {unit}</source>
   <translation>Fehler jetzt {error:.2f} {unit}</translation>
  </message>
  <message>
   <source>best so far {best:.2f} {unit}</source>
   <translation>bisher bester {best:.2f} {unit}</translation>
  </message>
 </context>
 <context>
  <name>panel.versions_box</name>
  <message>
   <source>Earlier Versions</source>
   <translation>Frühere Fassungen</translation>
  </message>
  <message>
   <source>Earlier versions of the label of {image}. The present one is kept when you put one of them back.</source>
   <translation>Frühere Fassungen der Beschriftung von {image}. Die jetzige bleibt erhalten, wenn Sie eine davon zurückholen.</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Restore</source>
   <translation>Zurückholen</translation>
  </message>
  <message>
   <source>Saved</source>
   <translation>Gespeichert</translation>
  </message>
  <message>
   <source>By</source>
   <translation>Von</translation>
  </message>
  <message>
   <source>Label</source>
   <translation>Beschriftung</translation>
  </message>
  <message>
   <source>Then</source>
   <translation>Danach</translation>
  </message>
  <message>
   <source>unknown</source>
   <translation>unbekannt</translation>
  </message>
  <message>
   <source>draft</source>
   <translation>Entwurf</translation>
  </message>
  <message>
   <source>final</source>
   <translation>fertig</translation>
  </message>
  <message>
   <source>deleted</source>
   <translation>gelöscht</translation>
  </message>
  <message>
   <source>replaced</source>
   <translation>ersetzt</translation>
  </message>
  <message>
   <source>Looking for earlier versions of {image}</source>
   <translation>Frühere Fassungen von {image} werden gesucht</translation>
  </message>
  <message>
   <source>{image} has no earlier version: its label was not changed yet.</source>
   <translation>{image} hat keine frühere Fassung: Die Beschriftung wurde noch nicht geändert.</translation>
  </message>
  <message>
   <source>The label of {image} is that of {when} again; the other one is kept among the earlier ones.</source>
   <translation>Die Beschriftung von {image} ist wieder die vom {when}; die andere bleibt unter den früheren erhalten.</translation>
  </message>
  <message>
   <source>Putting back {image} of {when}</source>
   <translation>{image} vom {when} wird zurückgeholt</translation>
  </message>
 </context>
 <context>
  <name>panel.view_tools</name>
  <message>
   <source>All names</source>
   <translation>Alle Namen</translation>
  </message>
  <message>
   <source>Current name</source>
   <translation>Aktueller Name</translation>
  </message>
  <message>
   <source>No names</source>
   <translation>Keine Namen</translation>
  </message>
  <message>
   <source>Automatic window</source>
   <translation>Automatisches Fenster</translation>
  </message>
  <message>
   <source>Full range</source>
   <translation>Ganzer Bereich</translation>
  </message>
  <message>
   <source>Percentiles 1-99</source>
   <translation>Perzentile 1-99</translation>
  </message>
  <message>
   <source>Percentiles 5-95</source>
   <translation>Perzentile 5-95</translation>
  </message>
  <message>
   <source>Which landmarks' names are in the view</source>
   <translation>Welche Namen von Landmarken in der Ansicht stehen</translation>
  </message>
  <message>
   <source>Brightness and contrast</source>
   <translation>Helligkeit und Kontrast</translation>
  </message>
 </context>
 <context>
  <name>panel.workbench</name>
  <message>
   <source>Cancelled.</source>
   <translation>Abgebrochen.</translation>
  </message>
 </context>
 <context>
  <name>scene.image_display</name>
  <message>
   <source>Open an image first.</source>
   <translation>Öffnen Sie zuerst ein Bild.</translation>
  </message>
  <message>
   <source>A colour image is shown as it is: window and level are for grey images.</source>
   <translation>Ein Farbbild wird gezeigt, wie es ist: Fenster und Lage gibt es nur für Graubilder.</translation>
  </message>
 </context>
 <context>
  <name>scene.image_files</name>
  <message>
   <source>There is no file {path}.</source>
   <translation>Es gibt keine Datei {path}.</translation>
  </message>
  <message>
   <source>Slicer cannot read the image {name}; its error log says why.</source>
   <translation>Slicer kann das Bild {name} nicht lesen; warum, steht in seinem Fehlerprotokoll.</translation>
  </message>
  <message>
   <source>{name} cannot be copied to {folder}: {reason}.</source>
   <translation>{name} kann nicht nach {folder} kopiert werden: {reason}.</translation>
  </message>
  <message>
   <source>{name} has pixels of 1 mm, as an image without a pixel size, and PNG cannot hold {count} x {kind}: convert them to 1 or 3 x unsigned char, as with the module Cast Scalar Volume, or set their real spacing.</source>
   <translation>{name} hat Pixel von 1 mm, wie ein Bild ohne Pixelgröße, und PNG fasst nicht {count} x {kind}: Wandeln Sie sie in 1 oder 3 x unsigned char um, etwa mit dem Modul Cast Scalar Volume, oder geben Sie ihren wirklichen Abstand an.</translation>
  </message>
  <message>
   <source>{name} cannot be written to {path}: is the folder writable?</source>
   <translation>{name} kann nicht nach {path} geschrieben werden: Ist der Ordner beschreibbar?</translation>
  </message>
 </context>
 <context>
  <name>scene.image_frame</name>
  <message>
   <source>{name} contains no image: load it again.</source>
   <translation>{name} enthält kein Bild: Laden Sie es erneut.</translation>
  </message>
  <message>
   <source>{name} has its one slice along another axis ({width} x {height} x {slices}): save it as a 2D image to place landmarks in it.</source>
   <translation>{name} hat seine eine Schicht entlang einer anderen Achse ({width} x {height} x {slices}): Speichern Sie es als 2D-Bild, um Landmarken darin zu setzen.</translation>
  </message>
  <message>
   <source>{name} has {slices} slices, but landmarks are placed in 2D images only.</source>
   <translation>{name} hat {slices} Schichten, aber Landmarken werden nur in 2D-Bildern gesetzt.</translation>
  </message>
 </context>
 <context>
  <name>scene.report_points</name>
  <message>
   <source>{name} cannot be read as a structured report: {reason}.</source>
   <translation>{name} lässt sich nicht als strukturierter Bericht lesen: {reason}.</translation>
  </message>
  <message>
   <source>{name} holds no points of images.</source>
   <translation>{name} enthält keine Punkte von Bildern.</translation>
  </message>
  <message>
   <source>{name} has points of the image {uid}, which is not in the scene: load it first.</source>
   <translation>{name} hat Punkte des Bildes {uid}, das nicht in der Szene ist: zuerst das Bild laden.</translation>
  </message>
 </context>
 <context>
  <name>scene.scene</name>
  <message>
   <source>Slicer cannot read the image {name}.</source>
   <translation>Slicer kann das Bild {name} nicht lesen.</translation>
  </message>
  <message>
   <source>The server's image has {w} x {h} pixels, the one in Slicer {width} x {height}.</source>
   <translation>Das Bild des Servers hat {w} x {h} Pixel, das in Slicer {width} x {height}.</translation>
  </message>
  <message>
   <source>The scene's image could not be read: its landmarks are kept, open the image again.</source>
   <translation>Das Bild der Szene konnte nicht gelesen werden: Seine Landmarken bleiben erhalten, öffnen Sie das Bild erneut.</translation>
  </message>
  <message>
   <source>No image is open: open one first.</source>
   <translation>Kein Bild ist geöffnet: Öffnen Sie zuerst eines.</translation>
  </message>
 </context>
 <context>
  <name>server.address</name>
  <message>
   <source>The address must not contain a name or a password: enter the access token in its own field.</source>
   <translation>Die Adresse darf weder Namen noch Passwort enthalten: Geben Sie das Zugangstoken in seinem eigenen Feld ein.</translation>
  </message>
  <message>
   <source>{text!r} is not a server address: use the form http://127.0.0.1:8000.</source>
   <translation>{text!r} ist keine Serveradresse: Schreiben Sie sie wie http://127.0.0.1:8000.</translation>
  </message>
 </context>
 <context>
  <name>server.failures</name>
  <message>
   <source>{url} sends requests on to another address: enter that one ({status}).</source>
   <translation>{url} leitet Anfragen an eine andere Adresse weiter: Geben Sie jene ein ({status}).</translation>
  </message>
  <message>
   <source>does not accept the access token</source>
   <translation>nimmt das Zugangstoken nicht an</translation>
  </message>
  <message>
   <source>wants an access token</source>
   <translation>verlangt ein Zugangstoken</translation>
  </message>
  <message>
   <source>{url} {problem}: enter the one that its administrator gave you{said}.</source>
   <translation>{url} {problem}: Geben Sie das ein, das Sie von der Verwaltung des Servers haben{said}.</translation>
  </message>
  <message>
   <source>The access token does not allow this at {url}</source>
   <translation>Das Zugangstoken erlaubt dies bei {url} nicht</translation>
  </message>
  <message>
   <source>{url} does not allow this</source>
   <translation>{url} erlaubt dies nicht</translation>
  </message>
  <message>
   <source>{url} failed inside ({status}): try again, and see the server's log.</source>
   <translation>{url} ist innen gescheitert ({status}): Versuchen Sie es erneut, und sehen Sie ins Protokoll des Servers.</translation>
  </message>
  <message>
   <source>{url} refused the request without saying why ({status}).</source>
   <translation>{url} hat die Anfrage ohne Angabe von Gründen abgelehnt ({status}).</translation>
  </message>
  <message>
   <source>The certificate of {url} is not trusted: {reason}.</source>
   <translation>Dem Zertifikat von {url} wird nicht vertraut: {reason}.</translation>
  </message>
  <message>
   <source>No encrypted connection to {url} is possible: check whether it starts with http://.</source>
   <translation>Eine verschlüsselte Verbindung zu {url} ist nicht möglich: Prüfen Sie, ob die Adresse mit http:// beginnt.</translation>
  </message>
  <message>
   <source>The host of {url} is not known: check the address and the network.</source>
   <translation>Der Rechner von {url} ist unbekannt: Prüfen Sie Adresse und Netzwerk.</translation>
  </message>
  <message>
   <source>Nothing answers at {host}:{port}: check the address, and that the server runs.</source>
   <translation>Unter {host}:{port} antwortet nichts: Prüfen Sie die Adresse und ob der Server läuft.</translation>
  </message>
  <message>
   <source>{server} has not answered for {seconds:g} seconds: try again later.</source>
   <translation>{server} hat seit {seconds:g} Sekunden nicht geantwortet: Versuchen Sie es später erneut.</translation>
  </message>
  <message>
   <source>{url} does not answer like a web server: check the address.</source>
   <translation>{url} antwortet nicht wie ein Webserver: Prüfen Sie die Adresse.</translation>
  </message>
  <message>
   <source>The connection to {url} broke off before the answer was complete: try again.</source>
   <translation>Die Verbindung zu {url} brach ab, bevor die Antwort vollständig war: Versuchen Sie es erneut.</translation>
  </message>
 </context>
 <context>
  <name>server.geometry</name>
  <message>
   <source>The frame of an image does not span a plane: {frame}.</source>
   <translation>Der Rahmen eines Bildes spannt keine Ebene auf: {frame}.</translation>
  </message>
  <message>
   <source>nothing</source>
   <translation>nichts</translation>
  </message>
  <message>
   <source>The length should be a number of millimetres above 0, not {said}.</source>
   <translation>Die Länge sollte eine Zahl von Millimetern über 0 sein, nicht {said}.</translation>
  </message>
  <message>
   <source>{where} should be two lengths, not {value}.</source>
   <translation>{where} sollte aus zwei Längen bestehen, nicht {value}.</translation>
  </message>
  <message>
   <source>The stated line should have two ends (x, y), not {value}.</source>
   <translation>Die angegebene Linie sollte zwei Enden (x, y) haben, nicht {value}.</translation>
  </message>
 </context>
 <context>
  <name>server.http_client</name>
  <message>
   <source>The server's prediction lacks its points or its numbers: check its version.</source>
   <translation>Der Vorhersage des Servers fehlen Punkte oder Zahlen: Prüfen Sie seine Version.</translation>
  </message>
  <message>
   <source>There is no image left to label.</source>
   <translation>Es ist kein Bild mehr zu beschriften.</translation>
  </message>
  <message>
   <source>{target} cannot be written: {reason}.</source>
   <translation>{target} kann nicht geschrieben werden: {reason}.</translation>
  </message>
  <message>
   <source>{path} cannot be read: {reason}.</source>
   <translation>{path} kann nicht gelesen werden: {reason}.</translation>
  </message>
  <message>
   <source>The server's answer is not JSON: check that the address is a landmarks server.</source>
   <translation>Die Antwort des Servers ist kein JSON: Prüfen Sie, ob die Adresse die eines Landmarken-Servers ist.</translation>
  </message>
  <message>
   <source>The server answered with {kind!r} instead of a multipart body.</source>
   <translation>Der Server hat mit {kind!r} statt mit mehreren Teilen geantwortet.</translation>
  </message>
  <message>
   <source>The server's answer was cut off; try again.</source>
   <translation>Die Antwort des Servers wurde abgeschnitten; versuchen Sie es erneut.</translation>
  </message>
  <message>
   <source>A part of the server's answer has no name.</source>
   <translation>Ein Teil der Antwort des Servers hat keinen Namen.</translation>
  </message>
  <message>
   <source>The server sent an image file without a name.</source>
   <translation>Der Server hat eine Bilddatei ohne Namen geschickt.</translation>
  </message>
 </context>
 <context>
  <name>server.json_fields</name>
  <message>
   <source>{where} should be a JSON object, not {value}.</source>
   <translation>{where} sollte ein JSON-Objekt sein, nicht {value}.</translation>
  </message>
  <message>
   <source>{where} should be a list, not {value}.</source>
   <translation>{where} sollte eine Liste sein, nicht {value}.</translation>
  </message>
  <message>
   <source>{where} should be text, not {value}.</source>
   <translation>{where} sollte Text sein, nicht {value}.</translation>
  </message>
  <message>
   <source>{where} should be a finite number, not {value}.</source>
   <translation>{where} sollte eine endliche Zahl sein, nicht {value}.</translation>
  </message>
  <message>
   <source>{where} should be three numbers, not {value}.</source>
   <translation>{where} sollte aus drei Zahlen bestehen, nicht {value}.</translation>
  </message>
  <message>
   <source>The scene's saved landmark work is damaged: it is not JSON.</source>
   <translation>Die gespeicherten Landmarken der Szene sind beschädigt: Sie sind kein JSON.</translation>
  </message>
  <message>
   <source>The scene's landmark work was saved by another version of the module: use that version.</source>
   <translation>Die Landmarken der Szene wurden von einer anderen Version des Moduls gespeichert: Verwenden Sie jene Version.</translation>
  </message>
 </context>
 <context>
  <name>server.prediction</name>
  <message>
   <source>The server's {protocol} now has the landmarks {names}, but this image was opened with {others}: submit or save your work, connect again and reopen the image.</source>
   <translation>{protocol} hat auf dem Server jetzt die Landmarken {names}, dieses Bild wurde aber mit {others} geöffnet: Senden oder speichern Sie Ihre Arbeit, verbinden Sie sich neu und öffnen Sie das Bild erneut.</translation>
  </message>
  <message>
   <source>This image is unlike those that the model was trained on; check every point.</source>
   <translation>Dieses Bild gleicht nicht denen, mit denen das Modell trainiert wurde; prüfen Sie jeden Punkt.</translation>
  </message>
  <message>
   <source>The prediction gives {name} the status {status!r} at {position}.</source>
   <translation>Die Vorhersage sagt von {name}, dass sie {status!r} bei {position} ist.</translation>
  </message>
 </context>
 <context>
  <name>server.server_info</name>
  <message>
   <source>This MONAI Label server does not run the landmarks app: start it with --app landmarks.</source>
   <translation>Dieser MONAI-Label-Server führt nicht die App landmarks aus: Starten Sie ihn mit --app landmarks.</translation>
  </message>
 </context>
 <context>
  <name>server.task_definition</name>
  <message>
   <source>it is the protocol {other}, not {protocol}</source>
   <translation>ist das Protokoll {other}, nicht {protocol}</translation>
  </message>
  <message>
   <source>lacks {names}</source>
   <translation>hat {names} nicht</translation>
  </message>
  <message>
   <source>adds {names}</source>
   <translation>hat zusätzlich {names}</translation>
  </message>
  <message>
   <source>lists the same landmarks in another order or with other left/right pairs</source>
   <translation>führt dieselben Landmarken in anderer Reihenfolge oder mit anderen Paaren auf</translation>
  </message>
  <message>
   <source>{where} should list different landmarks, not {names}.</source>
   <translation>{where} sollte verschiedene Landmarken aufführen, nicht {names}.</translation>
  </message>
  <message>
   <source>{where}: a landmark's color should be '#RRGGBB', not {text!r}.</source>
   <translation>{where}: Die Farbe einer Landmarke sollte '#RRGGBB' sein, nicht {text!r}.</translation>
  </message>
  <message>
   <source>{where}: the measurement {name} is a {kind} between {names}, which is unknown.</source>
   <translation>{where}: Die Messung {name} ist {kind} zwischen {names}, was unbekannt ist.</translation>
  </message>
 </context>
 <context>
  <name>server.transport</name>
  <message>
   <source>The request was cancelled.</source>
   <translation>Die Anfrage wurde abgebrochen.</translation>
  </message>
  <message>
   <source>{server} did not finish its answer within {seconds:g} seconds.</source>
   <translation>{server} hat die Antwort nicht binnen {seconds:g} Sekunden beendet.</translation>
  </message>
  <message>
   <source>{server} answered with more than {size} MB: check the address.</source>
   <translation>{server} hat mit mehr als {size} MB geantwortet: Prüfen Sie die Adresse.</translation>
  </message>
  <message>
   <source>The access token has spaces or characters that cannot be sent: enter it again.</source>
   <translation>Das Zugangstoken enthält Leerzeichen oder Zeichen, die nicht gesendet werden können: Geben Sie es erneut ein.</translation>
  </message>
  <message>
   <source>{url} did not answer with JSON: check that it is a landmarks server.</source>
   <translation>{url} hat nicht mit JSON geantwortet: Prüfen Sie, ob es ein Landmarken-Server ist.</translation>
  </message>
  <message>
   <source>The certificate file {ca_file} cannot be used: {error}.</source>
   <translation>Die Zertifikatdatei {ca_file} ist nicht verwendbar: {error}.</translation>
  </message>
 </context>
 <context>
  <name>work.conflicts</name>
  <message>
   <source>{who} submitted {image} after you opened it{when}.</source>
   <translation>{who} hat {image} eingereicht, nachdem Sie es geöffnet haben{when}.</translation>
  </message>
  <message>
   <source>{who} saved a draft of {image} after you opened it{when}.</source>
   <translation>{who} hat einen Entwurf von {image} gespeichert, nachdem Sie es geöffnet haben{when}.</translation>
  </message>
  <message>
   <source>Somebody</source>
   <translation>Jemand</translation>
  </message>
 </context>
 <context>
  <name>work.jobs</name>
  <message>
   <source>{image} has a {tag} label of the protocol {protocol}: choose that to open it.</source>
   <translation>{image} hat eine Beschriftung ({tag}) des Protokolls {protocol}: Wählen Sie dieses, um sie zu öffnen.</translation>
  </message>
  <message>
   <source>The label of {image} was made on the image that it was before: check each point.</source>
   <translation>Die Markierung von {image} gehört zu dem Bild, das vorher dort lag: prüfen Sie jeden Punkt.</translation>
  </message>
  <message>
   <source>This server does not have the protocol {protocol} (it has {known}): your points stay in the scene; connect to the server that has it.</source>
   <translation>Dieser Server hat das Protokoll {protocol} nicht (er hat {known}): Ihre Punkte bleiben in der Szene; verbinden Sie sich mit dem Server, der es hat.</translation>
  </message>
  <message>
   <source>The server's protocol {protocol} differs from the open one: it {difference}; your points stay in the scene and nothing was sent.</source>
   <translation>Das Protokoll {protocol} des Servers unterscheidet sich vom geöffneten: Es {difference}; Ihre Punkte bleiben in der Szene, gesendet wurde nichts.</translation>
  </message>
  <message>
   <source>This version belongs to the protocol {protocol}: choose that to put it back.</source>
   <translation>Diese Fassung gehört zum Protokoll {protocol}: Wählen Sie dieses, um sie zurückzuholen.</translation>
  </message>
  <message>
   <source>The label of {image} was put back, but was deleted in the meantime: open the image again.</source>
   <translation>Die Beschriftung von {image} wurde zurückgeholt, aber inzwischen gelöscht: Öffnen Sie das Bild erneut.</translation>
  </message>
 </context>
 <context>
  <name>work.label_document</name>
  <message>
   <source>The label has the coordinateSystem {system!r}, which is neither LPS nor RAS.</source>
   <translation>Die Beschriftung hat das coordinateSystem {system!r}, das weder LPS noch RAS ist.</translation>
  </message>
  <message>
   <source>The label has the landmark {name!r} more than once.</source>
   <translation>Die Beschriftung enthält die Landmarke {name!r} mehrmals.</translation>
  </message>
  <message>
   <source>The label has the landmarks {names}, which the protocol {protocol} lacks: it was made with another version of the protocol.</source>
   <translation>Die Beschriftung hat die Landmarken {names}, die dem Protokoll {protocol} fehlen: Sie entstand mit einer anderen Fassung des Protokolls.</translation>
  </message>
  <message>
   <source>The label was made on another placement of the image or on another image, and its points would lie elsewhere in this one: put the image file back as it was, or map the label on the server with `monai-landmarks remap`.</source>
   <translation>Die Beschriftung entstand an einer anderen Lage des Bildes oder an einem anderen Bild, ihre Punkte lägen in diesem anderswo: Stellen Sie die Bilddatei wieder her, oder übertragen Sie die Beschriftung auf dem Server mit `monai-landmarks remap`.</translation>
  </message>
  <message>
   <source>The label is not a Slicer markups file: it is not JSON.</source>
   <translation>Die Beschriftung ist keine Markups-Datei von Slicer: Sie ist kein JSON.</translation>
  </message>
  <message>
   <source>The label should contain one point list, not {count}.</source>
   <translation>Die Beschriftung sollte eine Punktliste enthalten, nicht {count}.</translation>
  </message>
  <message>
   <source>The label's {name} has the positionStatus {word!r}, which is unknown.</source>
   <translation>{name} der Beschriftung hat den positionStatus {word!r}, der unbekannt ist.</translation>
  </message>
 </context>
 <context>
  <name>work.measurements</name>
  <message>
   <source>{names} coincide: check which is which.</source>
   <translation>{names} liegen aufeinander: Prüfen Sie, welcher Punkt welcher ist.</translation>
  </message>
  <message>
   <source>{names} look swapped: check left and right.</source>
   <translation>{names} scheinen vertauscht: Prüfen Sie links und rechts.</translation>
  </message>
  <message>
   <source>{first} and {second}</source>
   <translation>{first} und {second}</translation>
  </message>
 </context>
 <context>
  <name>work.point_state</name>
  <message>
   <source>The saved state of {name} contradicts itself: {status!r} at {position}.</source>
   <translation>Der gespeicherte Zustand von {name} widerspricht sich: {status!r} bei {position}.</translation>
  </message>
  <message>
   <source>The saved prediction of {name} contradicts itself: {proposal!r} at {position}.</source>
   <translation>Die gespeicherte Vorhersage von {name} widerspricht sich: {proposal!r} bei {position}.</translation>
  </message>
 </context>
 <context>
  <name>work.records</name>
  <message>
   <source>The scene's saved landmark work is damaged: its points are not those of its protocol.</source>
   <translation>Die gespeicherten Landmarken der Szene sind beschädigt: Ihre Punkte sind nicht die ihres Protokolls.</translation>
  </message>
  <message>
   <source>The label of {image} belongs to the protocol {other}, not {protocol}.</source>
   <translation>Die Beschriftung von {image} gehört zum Protokoll {other}, nicht zu {protocol}.</translation>
  </message>
  <message>
   <source>The scene's saved landmark work is damaged: its saved label is not a list of points.</source>
   <translation>Die gespeicherten Landmarken der Szene sind beschädigt: Ihre gespeicherte Beschriftung ist keine Punktliste.</translation>
  </message>
 </context>
 <context>
  <name>work.session</name>
  <message>
   <source>The server has no protocols: start it with at least one.</source>
   <translation>Der Server hat keine Protokolle: Starten Sie ihn mit mindestens einem.</translation>
  </message>
  <message>
   <source>{image} came from {origin}: connect to that server again, or open the image from {server}.</source>
   <translation>{image} kam von {origin}: Verbinden Sie sich wieder mit diesem Server, oder öffnen Sie das Bild von {server}.</translation>
  </message>
  <message>
   <source>The server does not have the protocol {name}.</source>
   <translation>Der Server hat das Protokoll {name} nicht.</translation>
  </message>
  <message>
   <source>{image} has points that the server does not have. What should become of them?</source>
   <translation>{image} hat Punkte, die der Server nicht hat. Was soll aus ihnen werden?</translation>
  </message>
  <message>
   <source>The image was left before it was submitted.</source>
   <translation>Das Bild wurde vor dem Absenden verlassen.</translation>
  </message>
  <message>
   <source>The scene was closed before it was submitted.</source>
   <translation>Die Szene wurde vor dem Absenden geschlossen.</translation>
  </message>
  <message>
   <source>Connect to a server first.</source>
   <translation>Verbinden Sie sich zuerst mit einem Server.</translation>
  </message>
  <message>
   <source>Open an image first.</source>
   <translation>Öffnen Sie zuerst ein Bild.</translation>
  </message>
  <message>
   <source>The server does not have the image {image}: upload it first.</source>
   <translation>Der Server hat das Bild {image} nicht: Laden Sie es zuerst hoch.</translation>
  </message>
  <message>
   <source>{protocol} has no trained network yet: label an image, or train it.</source>
   <translation>{protocol} hat noch kein trainiertes Netz: Beschriften Sie ein Bild, oder trainieren Sie es.</translation>
  </message>
  <message>
   <source>Connect to a server first; your points stay in the scene.</source>
   <translation>Verbinden Sie sich zuerst mit einem Server; Ihre Punkte bleiben in der Szene.</translation>
  </message>
  <message>
   <source>No landmark is placed or missing yet: place one, or save a draft.</source>
   <translation>Noch ist keine Landmarke gesetzt oder als fehlend vermerkt: Setzen Sie eine, oder speichern Sie einen Entwurf.</translation>
  </message>
  <message>
   <source>{image} was opened as {reader}: enter that name again, or open the image anew.</source>
   <translation>{image} wurde als {reader} geöffnet: diesen Namen wieder eingeben oder das Bild neu öffnen.</translation>
  </message>
  <message>
   <source>Not labelled: {names}; mark what is not in the image as missing.</source>
   <translation>Ohne Punkt: {names}; vermerken Sie als fehlend, was nicht im Bild ist.</translation>
  </message>
  <message>
   <source>The image came from {origin}: make sure that {server} has the same one.</source>
   <translation>Das Bild kam von {origin}: Vergewissern Sie sich, dass {server} dasselbe hat.</translation>
  </message>
  <message>
   <source>Submit this label as it is?</source>
   <translation>Diese Beschriftung so absenden?</translation>
  </message>
  <message>
   <source>1 point was not looked at: {names}.</source>
   <translation>1 Punkt wurde nicht angesehen: {names}.</translation>
  </message>
  <message>
   <source>{count} points were not looked at: {names}{end}</source>
   <translation>{count} Punkte wurden nicht angesehen: {names}{end}</translation>
  </message>
  <message>
   <source>{image} was not sent, and its points are kept: {reason}</source>
   <translation>{image} wurde nicht gesendet, die Punkte bleiben erhalten: {reason}</translation>
  </message>
  <message>
   <source>Another scene was opened before it was submitted.</source>
   <translation>Vor dem Absenden wurde eine andere Szene geöffnet.</translation>
  </message>
 </context>
 <context>
  <name>work.unsent</name>
  <message>
   <source>{image} was replaced after its unsent points were placed. Show them on the image as it is now?</source>
   <translation>{image} wurde ersetzt, nachdem die ungesendeten Punkte gesetzt wurden. Auf dem jetzigen Bild zeigen?</translation>
  </message>
 </context>
 <context>
  <name>work.work</name>
  <message>
   <source>The prediction is for {image}, but {other} is open.</source>
   <translation>Die Vorhersage gilt für {image}, geöffnet ist aber {other}.</translation>
  </message>
  <message>
   <source>The prediction is for landmarks other than those of {protocol}.</source>
   <translation>Die Vorhersage gilt für andere Landmarken als die von {protocol}.</translation>
  </message>
 </context>
</TS>
