from __future__ import annotations

import pytest

from monai_ext.formats import read_table
from monai_ext.landmarks import InputError, Status, TablePoint

#: As CVAT writes it: single points, a skeleton, and other shapes.
EXPORT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>7</id><name>eyes</name><labels><label><name>tip</name></label></labels></task></meta>
  <image id="0" name="train/a.png" subset="default" task_id="7" width="60" height="40">
    <points label="tip" source="manual" occluded="1" points="10.75,4.00" z_order="0">
    </points>
    <box label="eye" source="manual" occluded="0" xtl="1.00" ytl="2.00" xbr="3.00" ybr="4.00" z_order="0">
    </box>
    <skeleton label="face" source="manual" z_order="0">
      <points label="nose" source="manual" outside="0" occluded="0" points="0.50,0.50">
      </points>
      <points label="chin" source="manual" outside="1" occluded="0" points="30.00,20.00">
      </points>
    </skeleton>
    <points label="rim" source="manual" occluded="0" points="1.50,2.50;3.50,4.50" z_order="0">
    </points>
  </image>
  <image id="1" name="b.png" width="60" height="40">
  </image>
</annotations>
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "annotations.xml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_reads_points_skeletons_and_shapes_of_several_points(write) -> None:
    with pytest.warns(UserWarning, match="1 shapes that are not points are left out"):
        table = read_table(write(EXPORT))
    points = table.images["train/a.png"].points
    assert table.names == ("tip", "nose", "chin", "rim_1", "rim_2")
    assert (points["tip"], points["nose"]) == (TablePoint(10.25, 3.5), TablePoint(0, 0))
    assert (points["rim_1"], points["rim_2"]) == (TablePoint(1, 2), TablePoint(3, 4))
    assert points["chin"].status is Status.MISSING
    assert table.images["train/a.png"].size == (60, 40)
    assert table.images["b.png"].points == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            EXPORT.replace("10.75,4.00", "10.75"),
            r"image 'train/a\.png': the points of 'tip' must be 'x,y;x,y', not '10\.75'",
        ),
        (EXPORT.replace("10.75,4.00", "10.75,x"), r"the coordinate of 'tip' must be a finite number, not 'x'"),
        (EXPORT.replace('label="nose"', 'label="tip"'), r"the landmark 'tip' of 'train/a\.png' occurs twice"),
        (EXPORT.replace('name="b.png"', 'name="train/a.png"'), r"the image 'train/a\.png' occurs twice"),
        (EXPORT.replace('width="60"', 'width="6.5"'), "the width must be a whole number of pixels above 0, not '6.5'"),
        (EXPORT.replace("</annotations>", ""), "is not valid XML"),
        (EXPORT.replace("<image id", "<track/><image id", 1), "holds tracks of a video"),
        (EXPORT.replace("<annotations>", '<!DOCTYPE a [<!ENTITY x "y">]><annotations>', 1), "has a DOCTYPE"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_malformed_file_is_refused(write, text, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(text))
