"""The names of Slicer's application that the module may use, each with the rule by which Python has it, and its place.

PythonQt wraps Qt's own classes by hand (``pythonqt_names.json``). Of CTK's, qMRML's and qSlicer's classes it knows what
their meta-objects hold, and what a decorator adds: a public method of a header that is none of these does not exist in
Python. Each of their names so carries its rule, and the declaration that makes it true.

Read from https://github.com/Slicer/Slicer at 583e9b37d50ead7daf7b783dce465ccaecec8809 (21 August 2026) and
https://github.com/commontk/CTK at 868d56c72d2899f0f5595745c7c39765fed80eef. ``slicer.util`` and all MRML, logic and
VTK classes are not listed: slicer-core has the real ones.
"""

from __future__ import annotations

from typing import NamedTuple

#: The rules by which a name of a C++ class exists in Python.
PROPERTY, SIGNAL, SLOT, INVOKABLE, DECORATOR = "property", "signal", "public slot", "Q_INVOKABLE", "decorator"
META_OBJECT = (PROPERTY, SIGNAL, SLOT, INVOKABLE, DECORATOR)
#: Names that Python code makes: of Slicer's Python packages, or set in them by the application.
PYTHON = "Python"


class Name(NamedTuple):
    """Why a name exists.

    Attributes:
        rule: one of those above.
        place: the file.
        declaration: the line of that file.
    """

    rule: str
    place: str
    declaration: str


_CORE = "Base/QTCore/qSlicerCoreApplication.h"
_DECORATORS = "Base/QTCore/qSlicerBaseQTCorePythonQtDecorators.h"
_LAYOUTS = "Libs/MRML/Widgets/qMRMLLayoutManager.h"
_COMBO = "Libs/MRML/Widgets/qMRMLNodeComboBox.h"
_WIDGET = "Libs/MRML/Widgets/qMRMLWidget.h"
_MODULE = "Base/QTGUI/qSlicerScriptedLoadableModule.h"
_SCRIPTED = "Base/Python/slicer/ScriptedLoadableModule.py"
_UTIL = "Base/Python/slicer/util.py"
_SECTION = "CTK Libs/Widgets/ctkCollapsibleButton.h"

#: Members of the application's C++ classes.
MEMBERS = {
    "qSlicerApplication.applicationLogic": Name(
        INVOKABLE, _CORE, "Q_INVOKABLE vtkSlicerApplicationLogic* applicationLogic() const;"
    ),
    "qSlicerApplication.coreIOManager": Name(
        INVOKABLE, _CORE, "Q_INVOKABLE qSlicerCoreIOManager* coreIOManager() const;"
    ),
    "qSlicerApplication.layoutManager": Name(
        INVOKABLE, "Base/QTGUI/qSlicerApplication.h", "Q_INVOKABLE qSlicerLayoutManager* layoutManager() const;"
    ),
    "qSlicerApplication.moduleManager": Name(
        INVOKABLE, _CORE, "Q_INVOKABLE qSlicerModuleManager* moduleManager() const;"
    ),
    "qSlicerApplication.processEvents": Name(
        DECORATOR, _DECORATORS, "void processEvents(qSlicerCoreApplication* app) { app->processEvents(); }"
    ),
    "qSlicerApplication.temporaryPath": Name(
        PROPERTY, _CORE, "Q_PROPERTY(QString temporaryPath READ temporaryPath WRITE setTemporaryPath)"
    ),
    "qSlicerApplication.testingEnabled": Name(
        DECORATOR, _DECORATORS, "bool static_qSlicerCoreApplication_testingEnabled() {"
    ),
    "qSlicerApplication.userSettings": Name(INVOKABLE, _CORE, "Q_INVOKABLE QSettings* userSettings() const;"),
    "qSlicerLayoutManager.layout": Name(
        PROPERTY, _LAYOUTS, "Q_PROPERTY(int layout READ layout WRITE setLayout NOTIFY layoutChanged DESIGNABLE false)"
    ),
    "qSlicerLayoutManager.sliceWidget": Name(
        INVOKABLE, _LAYOUTS, "Q_INVOKABLE qMRMLSliceWidget* sliceWidget(const QString& name) const;"
    ),
    "qMRMLSliceWidget.sliceView": Name(
        INVOKABLE, "Libs/MRML/Widgets/qMRMLSliceWidget.h", "Q_INVOKABLE qMRMLSliceView* sliceView() const;"
    ),
    "qSlicerLayoutManager.setLayout": Name(SLOT, _LAYOUTS, "void setLayout(int newLayout);"),
    "qSlicerCoreIOManager.fileType": Name(
        INVOKABLE,
        "Base/QTCore/qSlicerCoreIOManager.h",
        "Q_INVOKABLE qSlicerIO::IOFileType fileType(const QString& file) const;",
    ),
    "qSlicerCoreIOManager.loadNodes": Name(
        INVOKABLE,
        "Base/QTCore/qSlicerCoreIOManager.h",
        "Q_INVOKABLE virtual bool loadNodes(const qSlicerIO::IOFileType& fileType,",
    ),
    "qSlicerScriptedFileReader.loadedNodes": Name(
        PROPERTY,
        "Base/QTCore/qSlicerScriptedFileReader.h",
        "Q_PROPERTY(QStringList loadedNodes READ loadedNodes WRITE setLoadedNodes)",
    ),
    "qSlicerScriptedFileReader.userMessages": Name(
        INVOKABLE, "Base/QTCore/qSlicerIO.h", "Q_INVOKABLE vtkMRMLMessageCollection* userMessages() const;"
    ),
    "qSlicerScriptedLoadableModuleWidget.reload": Name(
        INVOKABLE, "Base/QTGUI/qSlicerScriptedLoadableModuleWidget.h", "Q_INVOKABLE void reload();"
    ),
    "ctkCollapsibleButton.collapsed": Name(
        PROPERTY, _SECTION, "Q_PROPERTY(bool collapsed READ collapsed WRITE setCollapsed NOTIFY contentsCollapsed)"
    ),
    "ctkCollapsibleButton.contentsCollapsed": Name(SIGNAL, _SECTION, "void contentsCollapsed(bool);"),
    "qMRMLWidget.mrmlScene": Name(INVOKABLE, _WIDGET, "Q_INVOKABLE vtkMRMLScene* mrmlScene() const;"),
    "qMRMLWidget.mrmlSceneChanged": Name(SIGNAL, _WIDGET, "void mrmlSceneChanged(vtkMRMLScene*);"),
    "qMRMLWidget.setMRMLScene": Name(SLOT, _WIDGET, "virtual void setMRMLScene(vtkMRMLScene* newScene);"),
    "qMRMLNodeComboBox.addEnabled": Name(
        PROPERTY, _COMBO, "Q_PROPERTY(bool addEnabled READ addEnabled WRITE setAddEnabled)"
    ),
    "qMRMLNodeComboBox.currentNode": Name(INVOKABLE, _COMBO, "Q_INVOKABLE vtkMRMLNode* currentNode() const;"),
    "qMRMLNodeComboBox.nodeTypes": Name(
        PROPERTY, _COMBO, "Q_PROPERTY(QStringList nodeTypes READ nodeTypes WRITE setNodeTypes)"
    ),
    "qMRMLNodeComboBox.noneEnabled": Name(
        PROPERTY, _COMBO, "Q_PROPERTY(bool noneEnabled READ noneEnabled WRITE setNoneEnabled)"
    ),
    "qMRMLNodeComboBox.removeEnabled": Name(
        PROPERTY, _COMBO, "Q_PROPERTY(bool removeEnabled READ removeEnabled WRITE setRemoveEnabled)"
    ),
    "qMRMLNodeComboBox.renameEnabled": Name(
        PROPERTY, _COMBO, "Q_PROPERTY(bool renameEnabled READ renameEnabled WRITE setRenameEnabled)"
    ),
    "qMRMLNodeComboBox.setCurrentNode": Name(SLOT, _COMBO, "void setCurrentNode(vtkMRMLNode* node);"),
    "qMRMLNodeComboBox.setMRMLScene": Name(SLOT, _COMBO, "virtual void setMRMLScene(vtkMRMLScene* scene);"),
    "qSlicerScriptedLoadableModule.acknowledgementText": Name(
        PROPERTY,
        _MODULE,
        "Q_PROPERTY(QString acknowledgementText READ acknowledgementText WRITE setAcknowledgementText)",
    ),
    "qSlicerScriptedLoadableModule.categories": Name(
        PROPERTY, _MODULE, "Q_PROPERTY(QStringList categories READ categories WRITE setCategories)"
    ),
    "qSlicerScriptedLoadableModule.contributors": Name(
        PROPERTY, _MODULE, "Q_PROPERTY(QStringList contributors READ contributors WRITE setContributors)"
    ),
    "qSlicerScriptedLoadableModule.dependencies": Name(
        PROPERTY, _MODULE, "Q_PROPERTY(QStringList dependencies READ dependencies WRITE setDependencies)"
    ),
    "qSlicerScriptedLoadableModule.helpText": Name(
        PROPERTY, _MODULE, "Q_PROPERTY(QString helpText READ helpText WRITE setHelpText)"
    ),
    "qSlicerScriptedLoadableModule.icon": Name(PROPERTY, _MODULE, "Q_PROPERTY(QIcon icon READ icon WRITE setIcon)"),
    "qSlicerScriptedLoadableModule.path": Name(
        PROPERTY, "Base/QTCore/qSlicerAbstractCoreModule.h", "Q_PROPERTY(QString path READ path)"
    ),
    "qSlicerScriptedLoadableModule.title": Name(
        PROPERTY, _MODULE, "Q_PROPERTY(QString title READ title WRITE setTitle)"
    ),
}
#: Qt's class from which one of theirs descends; what PythonQt wraps of it exists too.
BASES = {
    "ctkCollapsibleButton": "QAbstractButton",
    "qMRMLNodeComboBox": "QWidget",
    "qMRMLSliceView": "QWidget",
    "qMRMLSliceWidget": "QWidget",
    "qMRMLWidget": "QWidget",
    "qSlicerApplication": "QApplication",
    "qSlicerCoreIOManager": "QObject",
    "qSlicerLayoutManager": "QObject",
    "qSlicerScriptedFileReader": "QObject",
    "qSlicerScriptedLoadableModule": "QObject",
    "qSlicerScriptedLoadableModuleWidget": "QWidget",
}
#: What Python code makes.
MADE_IN_PYTHON = {
    "ScriptedLoadableModule": _SCRIPTED,
    "ScriptedLoadableModule.moduleName": _SCRIPTED,
    "ScriptedLoadableModule.parent": _SCRIPTED,
    "ScriptedLoadableModuleWidget": _SCRIPTED,
    "ScriptedLoadableModuleWidget.cleanup": _SCRIPTED,
    "ScriptedLoadableModuleWidget.enter": "Base/QTGUI/qSlicerScriptedLoadableModuleWidget.cxx",
    "ScriptedLoadableModuleWidget.exit": "Base/QTGUI/qSlicerScriptedLoadableModuleWidget.cxx",
    "ScriptedLoadableModuleWidget.layout": _SCRIPTED,
    "ScriptedLoadableModuleWidget.onReload": _SCRIPTED,
    "ScriptedLoadableModuleWidget.resourcePath": _SCRIPTED,
    "ScriptedLoadableModuleWidget.setup": _SCRIPTED,
    "ScriptedLoadableModuleLogic": _SCRIPTED,
    "ScriptedLoadableModuleTest": _SCRIPTED,
    "ScriptedLoadableModuleTest.delayDisplay": _SCRIPTED,
    "ScriptedLoadableModuleTest.runTest": _SCRIPTED,
    "SampleData.SampleDataLogic.registerCustomSampleDataSource": "Modules/Scripted/SampleData/SampleData.py",
    "slicer.app": "Base/Python/slicer/__init__.py",
    "slicer.mrmlScene": "Base/Python/slicer/__init__.py",
    "slicer.i18n.tr": "Base/Python/slicer/i18n.py",
    "slicer.i18n.translate": "Base/Python/slicer/i18n.py",
}
#: Python's own work around PythonQt: ``exec`` was a keyword, ``name`` is ``objectName``; and every signal's methods.
PYTHONQT_EXTRAS = {
    "exec_": _UTIL,
    "name": f"{_UTIL}, findChildren",
    "className": f"{_UTIL}, findChildren",
    "connect": "Base/Python/slicer/parameterNodeWrapper/guiConnectors.py",
    "disconnect": "PythonQt src/PythonQtSignal.cpp",
    "emit": "PythonQt src/PythonQtSignal.cpp",
}
