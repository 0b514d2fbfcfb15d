"""Programs as ONNX models. The batch size is open: an axis named "batch".

Operators of a program are ONNX's; only what ONNX passes as constant integer inputs, and programs as
attributes, is converted.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

import adversarial
from adversarial.export.program import Node, Program, Value

# ONNX 1.12 of 2022; every runtime in use has it. IR version 8 is that of the same release.
OPSET, IR_VERSION = 17, 8
# Attributes of programs that are inputs in ONNX, in the order of ONNX's inputs.
_AS_INPUTS = {
    "CumSum": ("axis",),
    "Pad": ("pads",),
    "ReduceSum": ("axes",),
    "Reshape": ("shape",),
    "Slice": ("starts", "ends", "axes", "steps"),
    "Squeeze": ("axes",),
    "Unsqueeze": ("axes",),
}


def to_onnx(program: Program) -> Any:
    """The program as an `onnx.ModelProto`, checked by `onnx.checker`.

    The model's `metadata_props` hold the program's inputs and metadata as JSON; the doc string of
    a node is the layer that it belongs to.

    Raises
    ------
    ImportError
        If the library onnx is not installed.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError:
        raise ImportError('ONNX files need the library onnx: pip install -e ".[export]"') from None

    initializers = {
        name: numpy_helper.from_array(np.asarray(array, order="C"), name)
        for name, array in program.constants.items()
    }

    def node_of(node: Node) -> Any:
        attributes = dict(node.attributes)
        inputs = list(node.inputs)
        for key in _AS_INPUTS.get(node.op, ()):
            numbers = np.asarray(attributes.pop(key), "int64")
            name = f"{node.output}/{key}"
            initializers[name] = numpy_helper.from_array(numbers, name)
            inputs.append(name)
        if node.op == "Cast":
            attributes["to"] = _type(attributes["to"])
        return helper.make_node(
            node.op, inputs, [node.output], node.output, node.layer, **attributes
        )

    def value_of(value: Value) -> Any:
        return helper.make_tensor_value_info(value.name, _type(value.dtype), list(value.shape))

    def _type(dtype: str) -> int:
        return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    nodes = [node_of(node) for node in program.nodes]
    graph = helper.make_graph(
        nodes,
        program.name,
        [value_of(value) for value in program.inputs],
        [value_of(value) for value in program.outputs],
        list(initializers.values()),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="adversarial-nets",
        producer_version=adversarial.__version__,
    )
    described = program.describe()
    text = {key: json.dumps(described[key]) for key in ("inputs", "metadata")}
    helper.set_model_props(model, text)
    onnx.checker.check_model(model, full_check=True)
    return model
