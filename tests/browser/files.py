"""Files to upload, made here so that a test knows where each word stands."""

import pymupdf

FACT = "Unused leave may be carried over until 31 March of the following year."
FILLER = (
    "The office in Lisbon opens at eight and closes at seven.",
    "Printers are serviced on the first Tuesday of each month.",
    "Visitors sign the book at the desk and wear a badge.",
    "Bicycles stand in the cellar, next to the lift.",
    "The canteen serves two warm dishes and a salad.",
)


def handbook() -> bytes:
    """Three pages; FACT stands near the end of the second, far from its first lines."""
    pdf = pymupdf.open()
    for number in range(1, 4):
        page = pdf.new_page(width=595, height=842)
        page.insert_text(
            (60, 70), f"Chapter {number}: {('The house', 'Leave', 'Travel')[number - 1]}", fontsize=18
        )
        for line in range(24):
            sentence = FILLER[(line + number) % len(FILLER)]
            page.insert_text((60, 110 + line * 22), f"{number}.{line + 1} {sentence}", fontsize=11)
        page.insert_text((60, 670), "Carrying leave over" if number == 2 else "Notes", fontsize=14)
        page.insert_text((60, 700), FACT if number == 2 else FILLER[number % 5], fontsize=11)
    return pdf.tobytes()


def place_of_fact() -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of FACT in 0..1 of its page."""
    with pymupdf.open(stream=handbook(), filetype="pdf") as pdf:
        box, size = pdf[1].search_for(FACT)[0], pdf[1].rect
        return box.x0 / size.width, box.y0 / size.height, box.x1 / size.width, box.y1 / size.height


TRAVEL = """# 差旅制度

## 出差申请

员工出差须提前三天在系统中提交申请，并由直属经理批准。

## 住宿标准

一线城市住宿标准为每晚六百元，其他城市为每晚四百元。

## 报销

员工应在出差结束后三十天内提交报销单和发票原件。
"""
