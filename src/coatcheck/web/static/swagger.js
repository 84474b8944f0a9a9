"use strict";

const docs = document.getElementById("docs");

SwaggerUIBundle({
  url: docs.dataset.openapi,
  domNode: docs,
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  defaultModelsExpandDepth: 0, // the schemas stand folded below the operations
  persistAuthorization: docs.dataset.rememberToken === "true",
});
