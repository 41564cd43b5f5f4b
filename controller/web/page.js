"use strict";
(function () {
	var live = document.getElementById("live"), find = document.getElementById("find"), state = document.getElementById("state");
	var last = 0, shown = "";

	function filter() {
		var words = find.value.trim().toLowerCase();

		document.querySelectorAll("[data-find]").forEach(function (row) {
			row.hidden = words !== "" && row.dataset.find.indexOf(words) < 0;
		});
	}

	function say() {
		var late = last && Date.now() - last > 8000;

		if (!last)
			return;
		document.getElementById("asof").hidden = true;
		state.textContent = (late ? "not live since " : "live, ") + new Date(last).toLocaleTimeString();
		state.className = late ? "bad" : "";
	}

	find.hidden = false;
	find.addEventListener("input", filter);
	document.addEventListener("keydown", function (e) {
		if (e.key === "/" && document.activeElement !== find) {
			e.preventDefault();
			find.focus();
			find.select();
		} else if (e.key === "Escape" && document.activeElement === find) {
			find.value = "";
			filter();
			find.blur();
		}
	});
	if (!window.EventSource)
		return;
	/* Each answer is one event; the browser asks again after the pause that it names. */
	new EventSource("events").onmessage = function (e) {
		last = Date.now();
		if (e.data !== shown) {
			shown = e.data;
			live.innerHTML = shown; /* all texts in it are escaped, and no script in it would run */
			filter();
		}
		say();
	};
	setInterval(say, 1000);
})();
