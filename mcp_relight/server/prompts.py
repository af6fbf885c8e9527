"""Prompts: the jobs people come with, as steps for the model. Arguments are words for a person."""

from mcp.server.mcpserver.prompts.base import Prompt, PromptArgument

from mcp_relight.domain.looks import LOOKS
from mcp_relight.domain.models import LOCAL_MODEL

from .relight_server import RelightServer

_LOOK = "A named lighting, for instance " + ", ".join(list(LOOKS)[:4]) + "."
_IMAGE = "Path of the photo, relight:// address, or latest."
_REMOTE_IMAGE = "relight:// address of upload_image, https:// address, or job id."
_MODEL = f"Model to use; {LOCAL_MODEL} is free and offline, others cost money."
_HONEST = (
    "Tell me where to find the result and what the report measured. Describe the picture only "
    "after you have looked at it with view_image."
)


def add_prompts(server: RelightServer, *, remote: bool = False) -> None:
    """`remote`: to people at other machines, who have no path to name and no folder."""
    for prompt in _of_pictures(remote=remote):
        server.add_prompt(prompt)
    if not remote:
        server.add_prompt(_of_a_folder())


def _of_pictures(*, remote: bool) -> tuple[Prompt, ...]:
    image = _REMOTE_IMAGE if remote else _IMAGE
    reference = _REMOTE_IMAGE if remote else "Path of the photo whose light to copy."
    return (
        _prompt(
            "relight_photo",
            "Relight a photo",
            "Change the light of one photo.",
            _relight_photo,
            image=image,
            look=_LOOK,
            model=_MODEL,
        ),
        _prompt(
            "product_shot",
            "Product shot",
            "Clean studio light for a product photo, in a few variants to choose from.",
            _product_shot,
            image=image,
            model=_MODEL,
        ),
        _prompt(
            "portrait_session",
            "Portrait session",
            "The classic portrait patterns on one face, side by side.",
            _portrait_session,
            image=image,
            looks="Looks, comma separated.",
        ),
        _prompt(
            "match_light",
            "Match the light of a reference",
            "Give a photo the light that another photo has.",
            _match_light,
            image=image,
            reference=reference,
        ),
    )


def _of_a_folder() -> Prompt:
    return _prompt(
        "relight_set",
        "Relight a set",
        "The same light on every photo of a folder.",
        _relight_set,
        folder="Folder with the photos.",
        look=_LOOK,
        model=_MODEL,
    )


def _prompt(name: str, title: str, description: str, fn: object, **words: str) -> Prompt:
    """A prompt whose arguments are described by `words`; which are required, `fn` says."""
    prompt = Prompt.from_function(fn, name=name, title=title, description=description)  # pyright: ignore[reportArgumentType]
    arguments = [
        PromptArgument(name=one.name, description=words[one.name], required=one.required)
        for one in prompt.arguments or ()
    ]
    return prompt.model_copy(update={"arguments": arguments})


def _relight_photo(image: str, look: str = "", model: str = "") -> str:
    choose = (
        f"Call relight_image with this image and look={look}."
        if look
        else "Call analyze_light with it, propose two or three looks that would suit it and say "
        "why, then relight it with the one I choose."
    )
    return f"Relight this photo: {image}\n{choose}{_with_model(model)}\n{_HONEST}"


def _product_shot(image: str, model: str = "") -> str:
    return (
        f"Make a product shot of this photo: {image}\n"
        "Call analyze_light first. Then call relight_image three times: a large soft light from "
        "top-left (softness 0.8, ambient 0.6, kelvin 5500), the same from the right with less "
        "fill (ambient 0.25), and a crisp one from the top (softness 0.2)."
        f"{_with_model(model)}\n"
        "Wait for all of them with get_job, then show them in one view_image call with the job "
        f"ids comma separated, and let me choose.\n{_HONEST}"
    )


def _portrait_session(image: str, looks: str = "rembrandt,loop,split,butterfly") -> str:
    return (
        f"Hold a portrait session with this photo: {image}\n"
        f"Call relight_image once with look={looks}; it makes one job per look (siblings). Wait "
        "for each with get_job, then call view_image with all job ids, comma separated, for a "
        f"contact sheet. Ask which one to keep.\n{_HONEST}"
    )


def _match_light(image: str, reference: str) -> str:
    return (
        f"Give this photo: {image}\nthe light of this one: {reference}\n"
        "Call relight_image with the photo as image and the other one as reference. Its report "
        "says under match how far direction, kelvin, contrast and exposure lie from the "
        "reference's; correct the values once if they are clearly off, and say what still "
        f"differs.\n{_HONEST}"
    )


def _relight_set(folder: str, look: str, model: str = "") -> str:
    return (
        f"Relight every photo in this folder alike: {folder}\n"
        "Call find_images with it and tell me what you found. "
        f"Relight the first with relight_image and look={look}; when I agree, do the others with "
        f"exactly the same arguments and wait_s=0, then collect them with get_job."
        f"{_with_model(model)}\n"
        "If the model costs money, call plan_relight first and tell me the total for the set.\n"
        f"{_HONEST}"
    )


def _with_model(model: str) -> str:
    if not model or model == LOCAL_MODEL:
        return ""
    return (
        f" Use model={model}: call plan_relight first, tell me what it costs, and go on only when "
        "I agree, with max_cost_usd set to that amount."
    )
