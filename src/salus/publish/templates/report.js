(function () {
  "use strict";
  // Pictures are drawn one after another, so that a phone stays usable meanwhile.
  var waiting = Array.prototype.slice.call(document.querySelectorAll(".chart"));
  function next() {
    var place = waiting.shift();
    if (!place) { document.documentElement.dataset.drawn = "yes"; return; }
    var words = place.getAttribute("aria-label");
    var spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
    vegaEmbed(place, spec, { renderer: "svg", actions: false, ast: false })
      .then(function () {
        // The place says it all in words, which the drawing has replaced by its own; the marks inside have none.
        place.setAttribute("role", "img");
        place.setAttribute("aria-label", words);
        place.querySelectorAll("svg").forEach(function (drawn) { drawn.setAttribute("aria-hidden", "true"); });
      })
      .catch(function () {
        place.removeAttribute("role");
        place.textContent = words;
      })
      .then(function () { setTimeout(next, 0); });
  }
  next();
  // Paper cannot be clicked.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (d) { d.open = true; });
  });
})();
