"use strict";
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(button.dataset.copy); button.textContent = "copied"; }
    catch { button.textContent = button.dataset.copy; }
  });
}
const search = document.querySelector("#search");
if (search) {
  const cards = [...document.querySelectorAll(".card")];
  const filters = [...document.querySelectorAll("select[data-filter]")];
  const count = document.querySelector("#count");
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of cards) {
      const text = card.dataset.text;
      const fits = filters.every((filter) => !filter.value ||
        JSON.parse(card.dataset[filter.dataset.filter]).includes(filter.value));
      card.hidden = !(fits && words.every((word) => text.includes(word)));
      shown += card.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${cards.length} voices`;
  };
  search.form.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", show);
  for (const filter of filters) filter.addEventListener("change", show);
  show();
}
