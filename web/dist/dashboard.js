(function(){"use strict"})();
