"""The names of Slicer's application that the module may use, each with its place in the sources of Slicer and CTK.

Read from https://github.com/Slicer/Slicer at 583e9b37d50ead7daf7b783dce465ccaecec8809 (21 August 2026) and
https://github.com/commontk/CTK at 868d56c72d2899f0f5595745c7c39765fed80eef. ``slicer.util`` and all MRML, logic and
VTK classes are not listed: slicer-core has the real ones. Qt's names are in ``pythonqt_names.json``.
"""

from __future__ import annotations

#: What hangs on ``slicer``, ``ctk`` and their objects, and where it is declared.
NAMES = {
    "slicer.app": "Base/Python/slicer/__init__.py",
    "slicer.app.applicationLogic": "Base/QTCore/qSlicerCoreApplication.h",
    "slicer.app.applicationName": "Qt's QCoreApplication::applicationName, used by Base/Python/slicer/util.py",
    "slicer.app.coreIOManager": "Base/QTCore/qSlicerCoreApplication.h",
    "slicer.app.layoutManager": "Base/QTGUI/qSlicerApplication.h",
    "slicer.app.processEvents": "Base/QTCore/qSlicerBaseQTCorePythonQtDecorators.h",
    "slicer.app.temporaryPath": "Base/QTCore/qSlicerCoreApplication.h",
    "slicer.app.testingEnabled": "Base/QTCore/qSlicerBaseQTCorePythonQtDecorators.h",
    "slicer.app.userSettings": "Base/QTCore/qSlicerCoreApplication.h",
    "slicer.mrmlScene": "Base/Python/slicer/__init__.py",
    "slicer.i18n.tr": "Base/Python/slicer/i18n.py",
    "slicer.i18n.translate": "Base/Python/slicer/i18n.py",
    "qSlicerLayoutManager.layout": "Libs/MRML/Widgets/qMRMLLayoutManager.h",
    "qSlicerLayoutManager.setLayout": "Libs/MRML/Widgets/qMRMLLayoutManager.h",
    "qSlicerCoreIOManager.fileType": "Base/QTCore/qSlicerCoreIOManager.h",
    "qSlicerCoreIOManager.loadNodes": "Base/QTCore/qSlicerCoreIOManager.h",
    "ctk.ctkCollapsibleButton": "CTK Libs/Widgets/ctkCollapsibleButton.h",
    "ctkCollapsibleButton.collapsed": "CTK Libs/Widgets/ctkCollapsibleButton.h",
    "ctkCollapsibleButton.contentsCollapsed": "CTK Libs/Widgets/ctkCollapsibleButton.h",
    "ctkCollapsibleButton.setCollapsed": "CTK Libs/Widgets/ctkCollapsibleButton.h",
    "ctkCollapsibleButton.setText": "Qt's QAbstractButton, its base class",
    "ctkCollapsibleButton.text": "Qt's QAbstractButton, its base class",
    "qMRMLWidget.mrmlScene": "Libs/MRML/Widgets/qMRMLWidget.h",
    "qMRMLWidget.mrmlSceneChanged": "Libs/MRML/Widgets/qMRMLWidget.h",
    "qMRMLWidget.setMRMLScene": "Libs/MRML/Widgets/qMRMLWidget.h",
    "qMRMLNodeComboBox.addEnabled": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLNodeComboBox.currentNode": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLNodeComboBox.nodeTypes": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLNodeComboBox.noneEnabled": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLNodeComboBox.removeEnabled": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLNodeComboBox.renameEnabled": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLNodeComboBox.setCurrentNode": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "qMRMLNodeComboBox.setMRMLScene": "Libs/MRML/Widgets/qMRMLNodeComboBox.h",
    "ScriptedLoadableModule": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModule.moduleName": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModule.parent": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleWidget": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleWidget.cleanup": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleWidget.enter": "Base/QTGUI/qSlicerScriptedLoadableModuleWidget.cxx",
    "ScriptedLoadableModuleWidget.exit": "Base/QTGUI/qSlicerScriptedLoadableModuleWidget.cxx",
    "ScriptedLoadableModuleWidget.layout": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleWidget.resourcePath": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleWidget.setup": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleLogic": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleTest": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleTest.delayDisplay": "Base/Python/slicer/ScriptedLoadableModule.py",
    "ScriptedLoadableModuleTest.runTest": "Base/Python/slicer/ScriptedLoadableModule.py",
    "parent.acknowledgementText": "Base/QTCore/qSlicerScriptedLoadableModule.h",
    "parent.categories": "Base/QTCore/qSlicerScriptedLoadableModule.h",
    "parent.contributors": "Base/QTCore/qSlicerScriptedLoadableModule.h",
    "parent.dependencies": "Base/QTCore/qSlicerScriptedLoadableModule.h",
    "parent.helpText": "Base/QTCore/qSlicerScriptedLoadableModule.h",
    "parent.icon": "Base/QTCore/qSlicerScriptedLoadableModule.h",
    "parent.path": "Base/QTCore/qSlicerScriptedLoadableModule.h",
    "parent.title": "Base/QTCore/qSlicerScriptedLoadableModule.h",
}
#: Python's own work around PythonQt: ``exec`` was a keyword, ``name`` is ``objectName``.
PYTHONQT_EXTRAS = {
    "exec_": "used by Base/Python/slicer/util.py",
    "name": "used by Base/Python/slicer/util.py, findChildren",
    "className": "used by Base/Python/slicer/util.py, findChildren",
    "connect": "of every signal, used by Base/Python/slicer/parameterNodeWrapper/guiConnectors.py",
}
